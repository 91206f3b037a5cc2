import type { WorldName } from '../simulation.ts'

/** A mistake that somebody could make in what is shipped, and that the simulation must find. */
export interface Mutant {
  /** What is wrong with it. */
  readonly name: string
  /** Below `packages`, as it is built. */
  readonly file: string
  /** Stands there exactly once. */
  readonly search: string
  readonly replace: string
  readonly world: WorldName
}

/** Each was made by hand, and is found by some of the first seeds of its world. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'what a connection has passed is written again',
    file: 'hub/dist/connection.js',
    search: 'position === null || position > this.cursor);',
    replace: 'position === null || position > 0);',
    world: 'memory',
  },
  {
    name: 'a connection goes live although the feed does not reach back to it',
    file: 'hub/dist/connection.js',
    search: 'if (!feed.covers(this.cursor))',
    replace: 'if (false)',
    world: 'memory',
  },
  {
    name: 'a full socket is written to',
    file: 'hub/dist/connection.js',
    search: "if (this.#sink.write(run) || this.state === 'closed')",
    replace: 'if (this.#sink.write(run) || true)',
    world: 'memory',
  },
  {
    name: 'gaps of a page are not told',
    file: 'hub/dist/connection.js',
    search: '!expects.includes(gap.reason)',
    replace: 'false',
    world: 'memory',
  },
  {
    name: 'a hello names a position whose events have not been written',
    file: 'hub/dist/connection.js',
    search: 'this.#greet(isForeign(page) ? ZERO : this.cursor);',
    replace: 'this.#greet(page.through);',
    world: 'memory',
  },
  {
    name: 'a page that was asked for before the channels changed is written',
    file: 'hub/dist/connection.js',
    search: 'if (!this.#isCatchingUp() || turn !== this.#turn)',
    replace: 'if (!this.#isCatchingUp())',
    world: 'memory',
  },
  {
    name: 'a channel that was added is read before the log announces it',
    file: 'hub/dist/connection.js',
    search: 'Promise.all([this.#watched, this.#delivery.registry.change(this, added, removed)])',
    replace:
      '(this.#delivery.registry.change(this, added, removed)?.catch(() => undefined), Promise.resolve())',
    world: 'redis',
  },
  {
    name: 'who is excepted gets an event live',
    file: 'hub/dist/lane.js',
    search: 'this.#exceptions = true;',
    replace: 'this.#exceptions = false;',
    world: 'memory',
  },
  {
    name: 'the feed claims to hold one entry more than it does',
    file: 'hub/dist/feed.js',
    search: 'return position >= this.#start;',
    replace: 'return position >= this.#start - 1;',
    world: 'memory',
  },
  {
    name: 'a channel forgets up to where it was trimmed',
    file: 'hub/dist/log/memory.js',
    search: 'channel.trimmed = entry.position;',
    replace: '',
    world: 'memory',
  },
  {
    name: 'a page says that it reached the head when a channel has more',
    file: 'hub/dist/log/memory.js',
    search: 'sources.every((source) => source.length < query.maxEntries);',
    replace: 'sources.length > 0;',
    world: 'memory',
  },
  {
    name: 'a process that starts anew does not know that it knows nothing',
    file: 'hub/dist/log/memory.js',
    search: 'if (after < birth)',
    replace: 'if (false)',
    world: 'memory',
  },
  {
    name: 'what a node has passed on is passed on again',
    file: 'hub/dist/log/redis/live-feed.js',
    search: 'if (position !== null && position <= this.#end)',
    replace: 'if (false)',
    world: 'redis',
  },
  {
    name: 'after an interruption nothing is read',
    file: 'hub/dist/log/redis/live-feed.js',
    search: 'for (let after = from; after < head && missed.length <= MAX_MISSED;) {',
    replace: 'for (let after = head; after < head && missed.length <= MAX_MISSED;) {',
    world: 'redis',
  },
  {
    name: 'what is heard while the connection is made again is passed on at once',
    file: 'hub/dist/log/redis/live-feed.js',
    search: 'this.#isCut = true;',
    replace: 'this.#isCut = true; return;',
    world: 'redis',
  },
  {
    name: 'nobody says what was seen before Redis came back with less',
    file: 'hub/dist/log/redis/sightings.js',
    search: '[seen, String(position)]',
    replace: '[]',
    world: 'redis',
  },
  {
    name: 'a loss that was confirmed late is told only to those before it',
    file: 'hub/dist/log/redis/page.js',
    search: 'hole.foundAt <= after',
    replace: 'hole.through <= after',
    world: 'redis',
  },
  {
    name: 'a channel is followed again before Redis has confirmed that it was given up',
    file: 'hub/dist/log/redis/subscriptions.js',
    search: ', this.#last]);',
    replace: ']);',
    world: 'redis',
  },
  {
    name: 'a subscription counts before Redis has confirmed it',
    file: 'hub/dist/log/redis/subscriptions.js',
    search: 'await this.#client.subscribe(names, this.#hear);',
    replace: 'this.#client.subscribe(names, this.#hear).catch(() => undefined);',
    world: 'redis',
  },
  {
    name: 'positions do not leap when another server stands behind the data',
    file: 'hub/dist/log/redis/common.lua',
    search: 'local leap = 10000000',
    replace: 'local leap = 0',
    world: 'redis',
  },
  {
    name: 'positions become text with 14 digits',
    file: 'hub/dist/log/redis/common.lua',
    search: "return string.format('%.0f', number)",
    replace: "return number .. ''",
    world: 'redis',
  },
  {
    name: 'the same key stores an event once more',
    file: 'hub/dist/log/redis/append.lua',
    search: "if key ~= '' and window > 0 then",
    replace: 'if false then',
    world: 'redis',
  },
  {
    name: 'a channel on Redis forgets up to where it was trimmed',
    file: 'hub/dist/log/redis/common.lua',
    search: "m.t = string.match(first[1], '^%d+')",
    replace: '',
    world: 'redis',
  },
  {
    name: 'a channel that has more than a page looks as if it had no more',
    file: 'hub/dist/log/redis.js',
    search: 'entries + 1}',
    replace: 'entries}',
    world: 'redis',
  },
  {
    name: 'a page that was read before its channel was watched is given to others',
    file: 'hub/dist/log/page-cache.js',
    search: 'if (query.channels.includes(channel))',
    replace: 'if (false)',
    world: 'redis',
  },
  {
    name: 'a journal is taken over although a part of it is missing',
    file: 'hub/dist/log/disk/disk.js',
    search: 'if (before > head)',
    replace: 'if (false)',
    world: 'disk',
  },
  {
    name: 'a process that was not closed leaves no hole',
    file: 'hub/dist/log/disk/disk.js',
    search: 'if (before?.isUncertain)',
    replace: 'if (false)',
    world: 'disk',
  },
  {
    name: 'positions do not leap when the clock may have been set back',
    file: 'hub/dist/log/disk/log-state.js',
    search: '+ LEAP_US)',
    replace: '+ 1)',
    world: 'disk',
  },
  {
    name: 'a record of the journal that was torn is taken for whole',
    file: 'hub/dist/log/disk/journal.js',
    search: 'crc32(content) !== bytes.readUInt32LE(start + 4)',
    replace: 'false',
    world: 'disk',
  },
  {
    name: 'an event is acknowledged before it is flushed',
    file: 'hub/dist/log/disk.js',
    search: 'const isProgress = await disk.store(ordered, this.#clock.now());',
    replace: 'const isProgress = disk.store(ordered, this.#clock.now()).catch(() => undefined) && false;',
    world: 'disk',
  },
  {
    name: 'who has heard what cannot be flushed is told that it does not exist',
    file: 'hub/dist/log/disk.js',
    search: '(after ?? 0) > disk.state.head',
    replace: 'false',
    world: 'disk',
  },
  {
    name: 'what a full disk refused keeps its position',
    file: 'hub/dist/log/disk.js',
    search: 'undo();',
    replace: '',
    world: 'disk',
  },
  {
    name: 'a worker that gives up a channel takes it from all others',
    file: 'hub/dist/log/worker/log-owner.js',
    search: 'watch?.workers.delete(worker)',
    replace: '(watch?.workers.clear(), watch)',
    world: 'workers',
  },
  {
    name: 'what is said in one turn arrives in another order',
    file: 'hub/dist/log/worker/outbox.js',
    search: 'this.#wire.send(words)',
    replace: 'this.#wire.send(words.reverse())',
    world: 'workers',
  },
  {
    name: 'a worker gives a page that was read before its channel was watched',
    file: 'hub/dist/log/worker.js',
    search: 'this.#pages.forget(channel)',
    replace: '',
    world: 'workers',
  },
]
