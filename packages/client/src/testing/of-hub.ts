// What the tests of the hub are made of, for those of the client: it is not among the hub's exports.
const ofHub = (file: string): string =>
  new URL(`testing/${file}.js`, import.meta.resolve('@fanline/hub')).href

const deadline: typeof import('../../../hub/src/testing/deadline.ts') = await import(ofHub('deadline'))
const servedHub: typeof import('../../../hub/src/testing/served-hub.ts') = await import(ofHub('served-hub'))

export const { inTime, eventually } = deadline
export const { withHub, nodeDoor, nativeDoor } = servedHub
