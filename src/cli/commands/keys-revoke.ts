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
    ],
    examples: [
      ['tailrace keys revoke k3j2h1g4f5d6', 'By id'],
      ['tailrace keys revoke ci --data ./tailrace-data', "By name, in the data folder, on the server's machine"],
    ],
  },
  {
    id: { type: 'positional', required: true, description: 'Id or name of the key' },
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
      const revoked = await door.revoke(found.id)
      await out.write(`${escapeText(report(revoked, found, nowMs))}\n`)
      if (before === 'valid' && door.folder && !door.folder.isUnused) {
        await err.write(
          err.colors.dim('A server that runs on this folder ends what is open with it within a second.\n'),
        )
      }
      const left = keys.filter(({ id }) => id !== found.id)
      await warnWithoutAdmin(found.role !== 'admin' || countValidKeys(left, nowMs).admin > 0, door, err)
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

function report({ id, name, role }: KeyJson, before: KeyJson, nowMs: number): string {
  const key = `${id} (${name === '' ? role : `${name}, ${role}`})`
  if (before.revoked !== null) return `${key} was revoked already, ${age(before.revoked, nowMs)}`
  if (keyState(before, nowMs) === 'expired') return `${key} revoked; it had expired ${age(before.expires ?? '', nowMs)}`
  return `${key} revoked: it is not valid any more, and what was open with it ends`
}
