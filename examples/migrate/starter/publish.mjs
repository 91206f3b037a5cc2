// A notification to a user, as a back end sends it: TOKEN=… node publish.mjs 10 'Your parcel is here'
const server = process.env.SERVER ?? 'http://localhost:3000'
const [user, title] = process.argv.slice(2)

const response = await fetch(`${server}/api/sse/send-to-user`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${process.env.TOKEN}` },
  body: JSON.stringify({ user_id: Number(user), event: 'notification', data: { title } }),
})
const { message } = await response.json()
if (!response.ok) throw new Error(`${response.status} ${message}`)
console.log(message)
