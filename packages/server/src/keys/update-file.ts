import { chmod, chown, type FileHandle, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '../failure.ts'

/** A change takes milliseconds, so who waits longer waits for a process that is gone. */
const PATIENCE_MS = 2000
const RETRY_MS = 20

/** Only for its owner. */
const NEW_FILE_MODE = 0o600

/**
 * Changes a file in one step: others see all of the change or none, and two that change it at once do so one after the
 * other. The new content is written to `FILE.lock`, which also is the lock, and then takes the place of the file, whose
 * owner and mode it keeps.
 * @param change gets the text of the file, undefined when there is none, and answers the new one; called once
 * @throws Failure when the file cannot be changed, and what `change` throws
 */
export async function updateFile(path: string, change: (text: string | undefined) => string): Promise<void> {
  const target = await realpath(path).catch(() => path)
  const lock = `${target}.lock`
  const file = await explained(path, openLock(path, lock))
  try {
    const text = change(await textOf(target))
    await explained(path, replace(target, lock, file, text))
  } catch (error) {
    await file.close()
    await rm(lock, { force: true })
    throw error
  }
}

/** The text of a file; undefined when there is none. */
export async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Failure(`${path} cannot be read: ${(error as Error).message}`)
  }
}

async function openLock(path: string, lock: string): Promise<FileHandle> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await open(lock, 'wx', NEW_FILE_MODE)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (performance.now() > deadline) {
        throw new Failure(`${path} is being changed by another process. If there is none, delete ${lock}.`)
      }
      await delay(RETRY_MS)
    }
  }
}

async function replace(target: string, lock: string, file: FileHandle, text: string): Promise<void> {
  const before = await stat(target).catch(() => undefined)
  if (before) {
    // A server that runs as somebody else must still be able to read it, or it would not hear of a revocation.
    await chown(lock, before.uid, before.gid)
    await chmod(lock, before.mode & 0o777)
  }
  await file.writeFile(text)
  await file.sync()
  await file.close()
  await rename(lock, target)
}

async function explained<T>(path: string, doing: Promise<T>): Promise<T> {
  try {
    return await doing
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`${path} cannot be written: ${(error as Error).message}`)
  }
}
