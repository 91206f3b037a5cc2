// The hub's own tests are not among its exports.
const file = new URL('testing/free-port.js', import.meta.resolve('@fanline/hub'))
const module: typeof import('../../../packages/hub/src/testing/free-port.ts') = await import(file.href)

/** A port of 127.0.0.1 on which nobody listens now. */
export const freePort: typeof module.freePort = module.freePort
