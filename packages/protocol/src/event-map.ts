import type { PublishRequest } from './publication.ts'

/** The types of an application's events: name → data. */
export type EventMap = Record<string, unknown>

/** The targets and options of a publish. */
type Addressing = Omit<PublishRequest, 'event' | 'data'>

/** `event` and `data` that fit each other; `message` may go without its name. */
type Payload<Events extends EventMap> = {
  [Type in keyof Events & string]: Type extends 'message'
    ? { event?: Type | undefined; data: Events[Type] }
    : { event: Type; data: Events[Type] }
}[keyof Events & string]

/** A publish whose event and data are checked at compile time, or any, when no event map was given. */
export type PublishInput<Events extends EventMap> = string extends keyof Events
  ? PublishRequest
  : Addressing & Payload<Events>
