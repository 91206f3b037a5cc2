import { onMounted, onUnmounted, ref } from 'vue'
import { listen, streamUrl } from './stream.js'

/** A Vue component: what has been notified so far, and whether the stream is open. */
export const Notifications = {
  setup() {
    const notifications = ref([])
    const connected = ref(false)
    let leave

    onMounted(() => {
      leave = listen(streamUrl(), {
        connected: () => {
          connected.value = true
        },
        ping: ({ timestamp }) => console.debug('ping', timestamp),
        notification: (notification) => notifications.value.push(notification),
        lost: () => {
          connected.value = false
        },
      })
    })
    onUnmounted(() => leave())
    return { notifications, connected }
  },
  template: `
    <h1>Notifications</h1>
    <p id="state">{{ connected ? 'Connected' : 'Disconnected' }}</p>
    <ul id="notifications">
      <li v-for="(notification, i) in notifications" :key="i">{{ notification.title }}</li>
    </ul>
  `,
}
