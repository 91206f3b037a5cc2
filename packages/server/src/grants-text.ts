import type { Grants } from '@fanline/hub/routes'
import type { Role } from '@fanline/protocol'

/** What somebody may do, in words: behind "may". */
export function grantsText({
  subscribe = [],
  publish = [],
  role,
}: Pick<Grants, 'subscribe' | 'publish'> & { readonly role?: Role | null | undefined }): string {
  if (role === 'admin') return 'do everything'
  if (role === 'operator') return 'see everything, publish, kick and revoke'
  const parts = [
    ...(publish.length > 0 ? [`publish to ${publish.join(', ')}`] : []),
    ...(role === 'viewer' ? ['see everything'] : []),
    ...(subscribe.length > 0 && role !== 'viewer' ? [`read ${subscribe.join(', ')}`] : []),
  ]
  return parts.join(' and ') || 'only read what is for its user and for everybody'
}
