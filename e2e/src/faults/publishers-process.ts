/** Publishers in one process. They begin when they are told their order, and stop when they are told anything else. */
import { channelName, type PublishersOrder, type PublishersReport } from './orders.ts'
import { PacedPublishers } from './paced-publishers.ts'
import { RecordFile } from './record-file.ts'

process.once('message', ({ records, ports, apiKey, channels, perSecond }: PublishersOrder) => {
  const file = new RecordFile(records)
  const names = Array.from({ length: channels }, (_, n) => channelName(n))
  const publishers = new PacedPublishers({ ports, apiKey, channels: names, perSecond, records: file })
  process.once('message', async () => {
    const report: PublishersReport = await publishers.stop()
    file.close()
    process.send?.(report, () => process.disconnect())
  })
})
