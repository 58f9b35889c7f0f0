import { parseKey } from '../../core/signing.ts'
import { escapeText } from '../../core/escape.ts'
import { countValidKeys, keyState, type KeyJson } from '../../client/keys.ts'
import { CommandFailure, defineCommand, EXIT_OK } from '../command.ts'
import { warnWithoutAdmin } from '../keys/admin-warning.ts'
import { KEYS_FLAGS, openKeysDoor } from '../keys/door.ts'
import { age } from '../keys/table.ts'

export const command = defineCommand(
  {
    name: 'keys revoke',
    summary: 'End a key at once, and everything that is open with it',
    notes: [
      'Takes the id that `tailrace keys list` shows, a name that only one key bears, or a whole key that got into wrong ' +
        'hands. Tails, sessions and tokens of the key end with it. Nothing is asked, and nothing brings it back.',
      'The last valid admin key is not revoked over the API without --force: nobody could make or revoke keys over it any ' +
        'more, only in the data folder with --data.',
    ],
    examples: [
      ['tailrace keys revoke k3j2h1g4f5d6', 'By id'],
      ['tailrace keys revoke ci --data ./tailrace-data', "By name, in the data folder, on the server's machine"],
    ],
  },
  {
    id: { type: 'positional', required: true, description: 'Id or name of the key' },
    force: { type: 'boolean', description: 'Even when it is the last valid admin key' },
    ...KEYS_FLAGS,
  },
  async (args, terminal) => {
    const { out, err } = terminal
    const door = await openKeysDoor(args, terminal)
    try {
      const keys = await door.list()
      const found = find(keys, args.id)
      const nowMs = Date.now()
      const before = keyState(found, nowMs)
      const left = keys.filter(({ id }) => id !== found.id)
      const hasAdmin = found.role !== 'admin' || countValidKeys(left, nowMs).admin > 0
      if (!hasAdmin && before === 'valid' && !door.folder && args.force !== true) throw lastAdmin(found)
      const revoked = await door.revoke(found.id)
      await out.write(`${escapeText(report(revoked, found, nowMs))}\n`)
      if (before === 'valid' && door.folder && !door.folder.isUnused) {
        await err.write(
          err.colors.dim('A server that runs on this folder ends what is open with it within a second.\n'),
        )
      }
      await warnWithoutAdmin(hasAdmin, door, err)
      return EXIT_OK
    } finally {
      await door.close()
    }
  },
)

/** By id, by the id in a whole key, or by a name; among keys of one name the only one that is not revoked. */
function find(keys: readonly KeyJson[], given: string): KeyJson {
  const id = parseKey(given)?.id ?? given
  const byId = keys.find((key) => key.id === id)
  if (byId) return byId
  const named = keys.filter((key) => key.name === given)
  const candidates = named.length > 1 ? named.filter(({ revoked }) => revoked === null) : named
  const [only, ...others] = candidates
  if (only && others.length === 0) return only
  const list = '`tailrace keys list` shows the keys there are.'
  if (named.length === 0) throw new CommandFailure(`No key has the id or name ${JSON.stringify(given)}`, list)
  if (!only) throw new CommandFailure(`All ${named.length} keys of the name ${JSON.stringify(given)} are revoked`, list)
  const ids = candidates.map((key) => key.id).join(', ')
  throw new CommandFailure(`${candidates.length} keys have the name ${JSON.stringify(given)}`, `Their ids: ${ids}`)
}

function lastAdmin(key: KeyJson): CommandFailure {
  return new CommandFailure(
    `${key.id} is the last valid admin key: without it nobody can make or revoke keys over the API`,
    'Make another one first; or say --force. Then keys are made in the data folder only:\n' +
      '  tailrace keys create --role admin --data <data folder>',
  )
}

function report({ id, name, role }: KeyJson, before: KeyJson, nowMs: number): string {
  const key = `${id} (${name === '' ? role : `${name}, ${role}`})`
  if (before.revoked !== null) return `${key} was revoked already, ${when(before.revoked, nowMs)}`
  if (keyState(before, nowMs) === 'expired')
    return `${key} revoked; it had expired ${when(before.expires ?? '', nowMs)}`
  return `${key} revoked: it is not valid any more, and what was open with it ends`
}

function when(timestamp: string, nowMs: number): string {
  const text = age(timestamp, nowMs)
  return text === 'now' ? 'a moment ago' : text
}
