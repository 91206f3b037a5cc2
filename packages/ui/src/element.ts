/**
 * The element of the page with this id.
 * @throws Error when the page has none of that kind: page and script do not belong together
 */
export function element<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`The page has no ${kind.name} with the id "${id}".`)
  return found
}
