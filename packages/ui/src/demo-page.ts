import type { GapNotice } from '@fanline/protocol'
import { announce } from './announcer.ts'
import { CodeLine } from './code-line.ts'
import { element } from './element.ts'
import { fieldsOf, textOf } from './event-data.ts'
import { LoadCharts } from './load-charts.ts'
import { BroadcastPanel, PersonPanel } from './message-panels.ts'
import { PlugPanel } from './plug-panel.ts'
import { Publisher } from './publisher.ts'
import { saveCursor, takeCursor } from './saved-cursor.ts'
import { Stream, type StreamEvent, type StreamState } from './stream.ts'
import { TaskPanel } from './task-panel.ts'
import { Toasts } from './toasts.ts'
import { onVisitorChange, showVisitor, visitorFromAddress } from './visitor.ts'
import { WireView } from './wire-view.ts'

/** What one kind of event is for, and where it comes from: EventSource hides the channel, so it is told from the name. */
interface Reaction {
  readonly channel: (event: StreamEvent) => string
  readonly react: (event: StreamEvent) => void
}

// `hello` is the channel of the first curl that `npm start` prints.
const CHANNELS = ['demo.load', 'demo.tasks', 'demo.plug', 'hello']

let user = visitorFromAddress()

const publisher = new Publisher(({ delivered }) => {
  element('fact-delivered', HTMLElement).textContent = `delivered ${delivered.toLocaleString('en')}`
})
const toasts = new Toasts()
const wire = new WireView()
const person = new PersonPanel(publisher)
const task = new TaskPanel()
const charts = new LoadCharts()
const plug = new PlugPanel({
  publisher,
  goOffline: () => stream.close(),
  comeBack: () => stream.open(user, stream.cursor),
})
new BroadcastPanel(publisher)
new CodeLine('code-browser').show(
  [
    `const events = new EventSource('${location.origin}/v1/events?channel=orders')`,
    `events.addEventListener('created', (event) => show(JSON.parse(event.data)))`,
    `events.addEventListener('fanline.gap', () => location.reload()) // never silent`,
  ].join('\n'),
)

const REACTIONS: Readonly<Record<string, Reaction>> = {
  notification: {
    channel: () => `@user:${user}`,
    react: ({ data }) => toasts.show(`To ${user}`, textOf(data)),
  },
  announcement: {
    channel: () => '@all',
    react: ({ data }) => toasts.show('To everyone', textOf(data)),
  },
  message: {
    channel: () => 'hello?',
    react: ({ data }) => toasts.show('Message', textOf(data)),
  },
  progress: {
    channel: () => 'demo.tasks',
    react: ({ data }) => task.onProgress(data),
  },
  load: {
    channel: () => 'demo.load',
    react: ({ data }) => charts.onLoad(data),
  },
  numbered: {
    channel: () => 'demo.plug',
    react: ({ id }) => plug.onNumbered(id),
  },
}

/** What the hub says about the connection itself. */
const CONTROL: Reaction = {
  channel: ({ data }) => (fieldsOf(data) as Partial<GapNotice> | undefined)?.channel ?? '',
  react: (event) => plug.onControl(event),
}

const stream = new Stream({
  channels: CHANNELS,
  types: Object.keys(REACTIONS),
  onState: showState,
  onEvent: (event) => {
    const reaction = REACTIONS[event.type] ?? CONTROL
    wire.add(event, reaction.channel(event))
    reaction.react(event)
    showCursor()
  },
})

function showState(state: StreamState): void {
  if (state === 'closed') announce('Offline')
  element('state-text', HTMLElement).textContent = state
  element('state', HTMLElement).dataset.state = state
  element('fact-connection', HTMLElement).textContent = stream.connection ?? state
  plug.onState(state, stream.cursor)
}

function showCursor(): void {
  element('fact-cursor', HTMLElement).textContent = stream.cursor ?? 'none yet'
  plug.onCursor(stream.cursor)
}

/** Another person has other events: no cursor is carried over. */
function become(visitor: string, cursor: string | undefined): void {
  user = visitor
  showVisitor(user)
  person.showUser(user)
  wire.showRequest(CHANNELS, user)
  stream.open(user, cursor)
  showCursor()
}

onVisitorChange((visitor) => become(visitor, undefined))
become(user, takeCursor(user))

addEventListener('pagehide', () => {
  saveCursor(user, stream.cursor)
  stream.close()
})
// A page that the browser kept and shows again ("back") is alive but has no stream.
addEventListener('pageshow', (event) => {
  if (event.persisted) stream.open(user, stream.cursor)
})
