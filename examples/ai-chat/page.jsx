import { useChat } from '@ai-sdk/react'
import { FanlineChatTransport } from '@fanline/client/ai-sdk'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

const { id, messages: saved, answer } = await fetch('/api/chat').then((response) => response.json())

const transport = new FanlineChatTransport({
  streamUrl: () => '/api/chat/stream',
  resumeFrom: answer ?? undefined,
})

function Page() {
  const { messages, sendMessage, status, error } = useChat({ id, messages: saved, transport, resume: true })
  const isBusy = status === 'submitted' || status === 'streaming'

  function send(event) {
    event.preventDefault()
    sendMessage({ text: new FormData(event.target).get('text') })
    event.target.reset()
  }

  return (
    <>
      {messages.map(({ id, role, parts }) => (
        <p key={id} className={role}>
          {parts.map((part) => (part.type === 'text' ? part.text : ''))}
        </p>
      ))}
      {error && <p id="error">{error.message}</p>}
      <form onSubmit={send}>
        <input name="text" placeholder="Say something" required disabled={isBusy} />
        <button type="submit" disabled={isBusy}>
          Send
        </button>
        <button type="button" disabled={!isBusy} onClick={() => transport.cancel(id)}>
          Stop
        </button>
      </form>
      <p id="status">{status}</p>
    </>
  )
}

createRoot(document.querySelector('main')).render(
  <StrictMode>
    <Page />
  </StrictMode>,
)
