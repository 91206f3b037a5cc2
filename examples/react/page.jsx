import { StreamProvider, useChannel, useEvent, useLatest, useStatus } from '@fanline/client/react'
import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'

/** A new page gets all orders that there were, and then each that comes: a stream is history and what happens next. */
const ORDERS = '/push/v1/events/orders?since=start'

function Shop() {
  const [table, setTable] = useState(1)
  const order = (drink) => fetch('/orders', { method: 'POST', body: JSON.stringify({ table, drink }) })
  return (
    <>
      <h1>Coffee shop</h1>
      <State />
      <p>
        Table <input type="number" min="1" value={table} onChange={(e) => setTable(Number(e.target.value))} />{' '}
        {['Espresso', 'Cappuccino'].map((drink) => (
          <button type="button" key={drink} onClick={() => order(drink)}>
            {drink}
          </button>
        ))}
      </p>
      <Table number={table} />
      <Orders />
    </>
  )
}

function State() {
  const { state, retryAt } = useStatus()
  if (state !== 'waiting') return <p id="state">{state}</p>
  return <p id="state">waiting until {new Date(retryAt).toLocaleTimeString()}</p>
}

/** Follows what concerns this table, as long as it is shown. */
function Table({ number }) {
  useChannel(`table.${number}`)
  const ready = useLatest('ready')
  if (ready?.data.table !== number) return <p id="table">Order something.</p>
  return <p id="table">Your {ready.data.drink} is ready.</p>
}

function Orders() {
  const [orders, setOrders] = useState([])
  useEvent('order', (order) => setOrders((orders) => [order, ...orders]))
  return (
    <ul id="orders">
      {orders.map(({ id, data }) => (
        <li key={id}>
          {data.drink} for table {data.table}
        </li>
      ))}
    </ul>
  )
}

createRoot(document.querySelector('main')).render(
  <StrictMode>
    <StreamProvider url={ORDERS}>
      <Shop />
    </StreamProvider>
  </StrictMode>,
)
