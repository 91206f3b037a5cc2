/** For Vue 3.3 and newer: a stream for the components of a page. */
import type { EventMap } from '@fanline/protocol'
import {
  getCurrentInstance,
  type InjectionKey,
  inject,
  type MaybeRefOrGetter,
  onMounted,
  onScopeDispose,
  provide,
  type ShallowRef,
  shallowRef,
  toValue,
  watch,
} from 'vue'
import { type ConnectOptions, connect, type EventOf, type Stream, type StreamStatus } from '../index.ts'
import { CONNECTING } from '../source.ts'
import { type Attach, StreamHolder } from './stream-holder.ts'

/** The composables for the events of a map; the same functions whatever the map is. */
export interface StreamComposables<Events extends EventMap> {
  provideStream(source: MaybeRefOrGetter<string | Stream<Events> | undefined>, options?: ConnectOptions): void
  useStream(): Readonly<ShallowRef<Stream<Events> | undefined>>
  useStatus(): Readonly<ShallowRef<StreamStatus>>
  useEvent<Type extends keyof Events & string>(
    type: Type,
    handler: (event: EventOf<Events, Type>) => void,
  ): void
  useLatest<Type extends keyof Events & string>(
    type: Type,
  ): Readonly<ShallowRef<EventOf<Events, Type> | undefined>>
  useChannel(channel: MaybeRefOrGetter<string | undefined>): void
  onStream(attach: Attach<Events>): void
}

const KEY: InjectionKey<StreamHolder> = Symbol('fanline')

/** A component does not inject what it provides itself. */
const own = new WeakMap<object, StreamHolder>()

/**
 * Gives a stream to this component and those inside: that of an address, opened when the component is mounted and closed
 * with it, or one of your own, which is left open. Another address opens another stream; while there is none nothing is
 * open: nobody is signed in, say. On a server nothing is opened.
 *
 * @param options those of `connect`
 */
export function provideStream(
  source: MaybeRefOrGetter<string | Stream | undefined>,
  options?: ConnectOptions,
): void {
  const holder = new StreamHolder()
  own.set(getCurrentInstance()!, holder)
  provide(KEY, holder)
  onMounted(() =>
    watch(
      () => toValue(source),
      (source, _, onCleanup) => {
        if (!source) return
        const stream = typeof source === 'string' ? connect(source, options) : source
        const release = holder.hold(stream, options?.onError)
        onCleanup(() => {
          release()
          if (stream !== source) stream.close()
        })
      },
      { immediate: true, flush: 'sync' },
    ),
  )
}

/** The stream; undefined until it is open, so whoever listens to it may have missed something: see {@link onStream}. */
export function useStream(): Readonly<ShallowRef<Stream | undefined>> {
  return useSnapshot((holder) => holder.stream)
}

/** Where the stream stands. */
export function useStatus(): Readonly<ShallowRef<StreamStatus>> {
  return useSnapshot((holder) => holder.stream?.status ?? CONNECTING)
}

/** Hears events of a type as long as its scope lives. */
export function useEvent(type: string, handler: (event: EventOf<EventMap>) => void): void {
  onStream((stream) => stream.on(type, handler))
}

/** The last event of a type, of those that came while its scope lives. */
export function useLatest(type: string): Readonly<ShallowRef<EventOf<EventMap> | undefined>> {
  const latest = shallowRef<EventOf<EventMap>>()
  onStream((stream) => {
    const stop = stream.on(type, (event) => {
      latest.value = event
    })
    return () => {
      stop()
      latest.value = undefined // the next stream may be another user's
    }
  })
  return latest
}

/**
 * Follows a topic as long as its scope lives, beside all others who do; undefined is none. `onError` of the options hears
 * of a refusal.
 */
export function useChannel(channel: MaybeRefOrGetter<string | undefined>): void {
  const holder = useHolder()
  watch(
    () => toValue(channel),
    (channel, _, onCleanup) => {
      if (channel) onCleanup(holder.follow(channel))
    },
    { immediate: true },
  )
}

/**
 * Calls `attach` with the stream, before its first event, and with any that comes in its place; for what no other
 * composable does. What it answers undoes it.
 */
export function onStream(attach: Attach<EventMap>): void {
  onScopeDispose(useHolder().use(attach))
}

/** `export const { provideStream, useEvent, … } = createStreamComposables<MyEvents>()`: all of it, with types. */
export function createStreamComposables<Events extends EventMap>(): StreamComposables<Events> {
  const all = { provideStream, useStream, useStatus, useEvent, useLatest, useChannel, onStream }
  return all as unknown as StreamComposables<Events>
}

function useSnapshot<Value>(read: (holder: StreamHolder) => Value): Readonly<ShallowRef<Value>> {
  const holder = useHolder()
  const snapshot = shallowRef(read(holder))
  onScopeDispose(
    holder.watch(() => {
      snapshot.value = read(holder)
    }),
  )
  return snapshot
}

/** @throws Error where none is provided */
function useHolder(): StreamHolder {
  const instance = getCurrentInstance()
  const holder = (instance && own.get(instance)) ?? inject(KEY, undefined)
  if (!holder) throw new Error('No component above calls provideStream().')
  return holder
}
