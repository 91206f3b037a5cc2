'use client'
/** For React 18 and newer: a stream for the components of a page. */
import type { EventMap } from '@fanline/protocol'
import {
  createContext,
  createElement,
  type DependencyList,
  type ReactElement,
  type ReactNode,
  type RefObject,
  useContext,
  useEffect,
  useInsertionEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { type ConnectOptions, connect, type EventOf, type Stream, type StreamStatus } from '../index.ts'
import { CONNECTING } from '../source.ts'
import { type Attach, StreamHolder } from './stream-holder.ts'

/** What a provider gives: the stream of an address, or one of your own. */
export interface StreamProviderProps<Events extends EventMap = EventMap> {
  /**
   * Opened when the provider is mounted, closed when it is unmounted; another address opens another stream. While there
   * is none nothing is open: nobody is signed in, say.
   */
  readonly url?: string | undefined
  /** Those of `connect`, read when a stream is opened. */
  readonly options?: ConnectOptions | undefined
  /** Is left open. */
  readonly stream?: Stream<Events> | undefined
  readonly children?: ReactNode
}

/** The provider and the hooks for the events of a map; the same functions whatever the map is. */
export interface StreamHooks<Events extends EventMap> {
  StreamProvider(props: StreamProviderProps<Events>): ReactElement
  useStream(): Stream<Events> | undefined
  useStatus(): StreamStatus
  useEvent<Type extends keyof Events & string>(
    type: Type,
    handler: (event: EventOf<Events, Type>) => void,
  ): void
  useLatest<Type extends keyof Events & string>(type: Type): EventOf<Events, Type> | undefined
  useChannel(channel: string | undefined): void
  useStreamEffect(effect: Attach<Events>, dependencies: DependencyList): void
}

const HolderContext = createContext<StreamHolder | undefined>(undefined)

/** Gives a stream to the components inside. On a server these are rendered, and nothing is opened. */
export function StreamProvider({ url, options, stream, children }: StreamProviderProps): ReactElement {
  const [holder] = useState(() => new StreamHolder())
  const lastOptions = useLast(options)
  useEffect(() => {
    if (stream) return holder.hold(stream)
    if (!url) return undefined
    const options = lastOptions.current
    const opened = connect(url, options)
    const release = holder.hold(opened, options?.onError)
    return () => {
      release()
      opened.close()
    }
  }, [holder, url, stream, lastOptions])
  return createElement(HolderContext.Provider, { value: holder }, children)
}

/** The stream; undefined until it is open, so whoever listens to it may have missed something: see `useStreamEffect`. */
export function useStream(): Stream | undefined {
  return useSnapshot((holder) => holder.stream)
}

/** Where the stream stands; renders at each change. */
export function useStatus(): StreamStatus {
  return useSnapshot((holder) => holder.stream?.status) ?? CONNECTING
}

/** Hears events of a type while it is mounted, by the handler of the last render. */
export function useEvent(type: string, handler: (event: EventOf<EventMap>) => void): void {
  const lastHandler = useLast(handler)
  useStreamEffect((stream) => stream.on(type, (event) => lastHandler.current(event)), [type])
}

/** The last event of a type, of those that came while it was mounted; renders with each. */
export function useLatest(type: string): EventOf<EventMap> | undefined {
  const holder = useHolder()
  const [subscribe, read] = useMemo(() => {
    let latest: EventOf<EventMap> | undefined
    const subscribe = (onChange: () => void): (() => void) => {
      const become = (event?: EventOf<EventMap>): void => {
        latest = event
        onChange()
      }
      return holder.use((stream) => {
        const stop = stream.on(type, become)
        return () => {
          stop()
          become() // the next stream may be another user's
        }
      })
    }
    return [subscribe, () => latest] as const
  }, [holder, type])
  return useSyncExternalStore(subscribe, read, () => undefined)
}

/**
 * Follows a topic while it is mounted, beside all others who do; undefined is none. `onError` of the options hears of a
 * refusal.
 */
export function useChannel(channel: string | undefined): void {
  const holder = useHolder()
  useEffect(() => (channel ? holder.follow(channel) : undefined), [holder, channel])
}

/**
 * Runs an effect with the stream, before its first event, and with any that comes in its place; for what no other hook
 * does. The answer of the effect undoes it.
 */
export function useStreamEffect(effect: Attach<EventMap>, dependencies: DependencyList): void {
  const holder = useHolder()
  useEffect(() => holder.use(effect), [holder, ...dependencies])
}

/** `export const { StreamProvider, useEvent, … } = createStreamHooks<MyEvents>()`: all of it, with types. */
export function createStreamHooks<Events extends EventMap>(): StreamHooks<Events> {
  const hooks = { StreamProvider, useStream, useStatus, useEvent, useLatest, useChannel, useStreamEffect }
  return hooks as unknown as StreamHooks<Events>
}

/** Undefined on a server, and while its page is made alive. */
function useSnapshot<Value>(read: (holder: StreamHolder) => Value): Value | undefined {
  const holder = useHolder()
  return useSyncExternalStore(
    holder.watch,
    () => read(holder),
    () => undefined,
  )
}

/** @throws Error where there is no provider */
function useHolder(): StreamHolder {
  const holder = useContext(HolderContext)
  if (!holder) throw new Error('No StreamProvider above.')
  return holder
}

/** The value of the last render, for what runs later. */
function useLast<Value>(value: Value): RefObject<Value> {
  const last = useRef(value)
  useInsertionEffect(() => {
    last.current = value
  })
  return last
}
