/** For tests: a clock that stands still, a log as awkward as its port allows, and the suite that every log must pass. */
export { type AwkwardLog, type AwkwardLogOptions, awkwardLog } from './awkward-log.ts'
export { FakeClock } from './fake-clock.ts'
export {
  checkHistory,
  HistoryChecker,
  type HistoryFault,
  type HistoryRecord,
  type HistoryVerdict,
  type HistoryViolation,
  parseHistoryRecord,
} from './history-checker.ts'
export {
  type LogConformance,
  type LogSettings,
  type LogUnderTest,
  logConformance,
  type TestRunner,
} from './log-conformance.ts'
export { seededRandom } from './seeded-random.ts'
export { type WirePair, wirePair } from './wire-pair.ts'
