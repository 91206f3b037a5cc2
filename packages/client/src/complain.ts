/** Shows an error that nobody took care of where a developer looks for it. It stops nothing. */
export function complain(error: unknown): void {
  // biome-ignore lint/suspicious/noConsole: Node has no reportError, and an uncaught exception would end the process
  const show = globalThis.reportError ?? console.error
  show(error)
}
