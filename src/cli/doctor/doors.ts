import type { Config } from '../../app/config.ts'
import { planDoors, type Door, type DoorAddress } from '../../app/doors.ts'
import { inspectKeys, type KeysInspection } from '../../app/keys.ts'
import { AppError } from '../../core/errors.ts'
import type { Finding } from './finding.ts'
import { isTaken, ownerOf } from './port.ts'

/** Who could use the listeners for forward, syslog and livelog, and whether they can have their addresses. */
export async function checkDoors(config: Config, nowMs: number): Promise<Finding[]> {
  let keys: KeysInspection
  try {
    keys = await inspectKeys(config.data)
  } catch (error) {
    // Told by what looks at the keys.
    if (error instanceof AppError) return []
    throw error
  }
  return Promise.all(planDoors(config, keys, nowMs).map((door) => checkDoor(door, config.port)))
}

async function checkDoor({ name, addresses, who, isWanted, problem }: Door, mainPort: number): Promise<Finding> {
  if (problem) return { state: 'wrong', subject: name, text: problem.detail ?? problem.title, hint: problem.hint }
  if (addresses.length === 0) return { state: 'ok', subject: name, text: 'off' }
  const text = `${addresses.map(({ shown }) => shown).join(', ')}: ${who}`
  const taken: string[] = []
  for (const address of addresses) {
    const owner = await strangerAt(address, mainPort)
    if (owner !== undefined) taken.push(`${address.shown} is taken by ${owner}`)
  }
  if (taken.length === 0) return { state: 'ok', subject: name, text }
  return {
    state: isWanted ? 'wrong' : 'warn',
    subject: name,
    text: [text, ...taken].join('\n'),
    hint: `A server with these settings ${isWanted ? 'does not start' : 'starts without it'}: end that program, or choose another address.`,
  }
}

/** Who has the address and is not the process that has the main port; `undefined`: nobody, or it cannot be told. */
async function strangerAt({ tcp }: DoorAddress, mainPort: number): Promise<string | undefined> {
  if (!tcp || tcp.port === 0 || !(await isTaken(tcp.host, tcp.port))) return undefined
  const owner = await ownerOf(tcp.port)
  if (owner !== undefined && owner === (await ownerOf(mainPort))) return undefined
  return owner ?? 'another program'
}
