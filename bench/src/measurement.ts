import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { BenchCase, Measured } from './bench-case.ts'
import type { Cores } from './cores.ts'
import type { Assignment, LoadMessage } from './load/load-generator.ts'
import type { Effort } from './load/target.ts'
import { Subject, type SubjectName } from './subjects/subject.ts'

/** No case needs so long; one that does hangs. */
const MEASUREMENT_MS = 180_000

/**
 * Measures one case on one subject once: a fresh server on one core, a fresh load generator on another, both
 * gone afterwards.
 * @throws with the load generator's complaint if the case failed
 */
export async function measureOnce(
  benchCase: BenchCase,
  name: SubjectName,
  cores: Cores,
  effort: Effort,
  progress: (text: string) => void,
): Promise<Measured> {
  const assignment = { case: benchCase.name, subject: name, effort }
  if (benchCase.inProcess) {
    return putLoad({ ...assignment, port: 0, pid: 0, redisPort: 0 }, Object.values(cores), progress)
  }
  progress('starting')
  const extra = name === 'control' ? benchCase.controlArguments : []
  const subject = await Subject.start(name, cores.server, extra)
  try {
    const { port, pid, redisPort } = subject
    return await putLoad({ ...assignment, port, pid, redisPort }, [cores.load], progress)
  } finally {
    await subject.stop()
  }
}

function putLoad(
  assignment: Assignment,
  cores: readonly number[],
  progress: (text: string) => void,
): Promise<Measured> {
  const program = fileURLToPath(new URL('./load/load-generator.js', import.meta.url))
  const command = [process.execPath, program, JSON.stringify(assignment)]
  const child = spawn('taskset', ['-c', cores.join(','), ...command], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: MEASUREMENT_MS,
    killSignal: 'SIGKILL',
  })
  return new Promise((resolve, reject) => {
    let complaint = ''
    let measured: Measured | undefined
    child.stderr?.on('data', (text) => {
      complaint += text
    })
    child.on('message', (message: LoadMessage) => {
      if ('progress' in message) progress(message.progress)
      else measured = message.measured
    })
    child.on('error', reject)
    child.on('close', () => {
      if (measured) resolve(measured)
      else
        reject(new Error(`${assignment.case} on ${assignment.subject} failed: ${complaint || 'no answer'}`))
    })
  })
}
