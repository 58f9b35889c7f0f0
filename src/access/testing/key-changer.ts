/** A process of its own that changes the table of keys: makes `count` keys one after the other, revokes those given. */
import { openKeys } from '../keys.ts'

const [dir = '', count = '0', ...revoked] = process.argv.slice(2)
const keys = await openKeys({ dir, clock: Date.now, checkFilter: () => undefined })
for (let index = 0; index < Number(count); index++) {
  const { key, info } = await keys.create({ role: 'read', name: `${process.pid}/${index}` }, 'command line')
  process.stdout.write(`${info.id} ${key}\n`)
}
for (const id of revoked) await keys.revoke(id)
await keys.close()
