import type { Grants } from '@fanline/hub/routes'

/** What somebody may do, in words: behind "may". */
export function grantsText({
  subscribe = [],
  publish = [],
  admin,
}: Pick<Grants, 'subscribe' | 'publish' | 'admin'>): string {
  if (admin) return 'do everything'
  const parts = [
    ...(publish.length > 0 ? [`publish to ${publish.join(', ')}`] : []),
    ...(subscribe.length > 0 ? [`read ${subscribe.join(', ')}`] : []),
  ]
  return parts.join(' and ') || 'only read what is for its user and for everybody'
}
