import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const CLAIM = /^claim\.(\d+)$/

/** The longest path of a socket on Linux has 107 bytes, on macOS 103. */
const MAX_SOCKET_PATH_BYTES = 100

/** Stands in a claim whose process has let go of it. */
const ENDED = 'ended'

/** How long who made a claim may take to listen on it, in milliseconds. */
const LISTENING_MS = 1000

/**
 * That a directory belongs to this process, and to no other.
 *
 * Each claim is a directory `claim.N` with a listening socket in it; the highest counts. A claim is made by `mkdir`,
 * which only one of many can do, and only above a claim on whose socket nobody listens any more. The kernel closes a
 * socket with its process, however that ended; so nothing has to be cleaned up, and no process id has to be trusted,
 * which in another container means another process.
 */
export class DirectoryClaim {
  readonly #path: string
  readonly #server: Server

  private constructor(path: string, server: Server) {
    this.#path = path
    this.#server = server
  }

  /** @throws Error when another process has it */
  static async make(directory: string): Promise<DirectoryClaim> {
    for (;;) {
      const highest = Math.max(0, ...(await claimsIn(directory)))
      if (highest > 0 && (await isHeld(claimPath(directory, highest)))) {
        throw new Error(
          `Another process uses the log in ${resolve(directory)}. Two may not: stop it, or give this one a directory of its own.`,
        )
      }
      const path = claimPath(directory, highest + 1)
      const server = await listenIn(path)
      if (!server) continue
      const claim = new DirectoryClaim(path, server)
      const claims = await claimsIn(directory)
      if (Math.max(...claims) > highest + 1) {
        await claim.end()
        continue
      }
      const older = claims.filter((number) => number <= highest)
      for (const number of older) await rm(claimPath(directory, number), { recursive: true, force: true })
      return claim
    }
  }

  /** Lets the next process have the directory at once. Numbers only grow, so this claim stays until there is a higher one. */
  async end(): Promise<void> {
    await writeFile(join(this.#path, ENDED), '')
    this.#server.close()
  }
}

function claimPath(directory: string, number: number): string {
  return join(directory, `claim.${number}`)
}

async function claimsIn(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory)
  return names.flatMap((name) => CLAIM.exec(name)?.[1] ?? []).map(Number)
}

/** True while a process listens on the socket of a claim, or may be about to. */
async function isHeld(path: string): Promise<boolean> {
  if (await exists(join(path, ENDED))) return false
  const deadline = Date.now() + LISTENING_MS
  for (;;) {
    const code = await withShortPath(path, async (short) => {
      const socket = connect(join(short, 'socket'))
      try {
        await once(socket, 'connect')
        return undefined
      } catch (error) {
        return (error as NodeJS.ErrnoException).code
      } finally {
        socket.destroy()
      }
    })
    if (code === undefined) return true
    // A listener whose queue is full answers EAGAIN; a socket that is not there yet, ENOENT.
    if (code === 'ECONNREFUSED') return false
    if (Date.now() > deadline) return code !== 'ENOENT'
    await delay(50)
  }
}

/** Makes a claim and listens in it; undefined when somebody else was faster. */
async function listenIn(path: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  server.unref()
  try {
    await mkdir(path)
    await withShortPath(path, async (short) => {
      server.listen(join(short, 'socket'))
      await once(server, 'listening')
    })
    return server
  } catch (error) {
    // It was there already, or has just been removed by who came after.
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' || code === 'ENOENT') return undefined
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** A socket's path is short: where a directory's is not, a link to it stands in while the socket is opened. */
async function withShortPath<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(join(path, 'socket')) <= MAX_SOCKET_PATH_BYTES) return use(path)
  const folder = await mkdtemp(join(tmpdir(), 'fanline-'))
  try {
    const link = join(folder, 'claim')
    await symlink(resolve(path), link)
    return await use(link)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
