import { countValidKeys, type CreatedKeyJson, type KeyJson } from '../../client/keys.ts'
import { ServerProblem } from '../../client/failures.ts'
import { AppError } from '../../core/errors.ts'
import { escapeJson, escapeText } from '../../core/escape.ts'
import { ROLES, type Role } from '../../core/principal.ts'
import { defineCommand, EXIT_OK, UsageError } from '../command.ts'
import { DEFAULT_URL } from '../connection.ts'
import { warnWithoutAdmin } from '../keys/admin-warning.ts'
import { KEYS_FLAGS, openKeysDoor, type KeysDoor } from '../keys/door.ts'
import { sentenceOf } from '../keys/rights.ts'
import { wantedKey } from '../keys/wanted.ts'
import { clockFace } from '../terminal/clock-face.ts'
import type { Output } from '../terminal/terminal.ts'

export const command = defineCommand(
  {
    name: 'keys create',
    summary: 'Make a key: who may send, who may read, who may administer',
    notes: [
      'The key alone goes to standard output, this once: the server keeps only what it takes to check it. From the first ' +
        'key on, the server asks everybody for one.',
      'Over the API it takes an admin key, or none while there are no keys. With --data it works in the data folder ' +
        "itself, on the server's machine: for the first key, a lost admin key, or a script that sets a server up.",
    ],
    examples: [
      ['tailrace keys create --role admin --data ./tailrace-data', 'The first key, before the first start'],
      [
        'KEY=$(tailrace keys create --role write --name ci --stamp service=ci)',
        'Sends as service ci, whatever it claims',
      ],
      ["tailrace keys create --role read --filter 'service:billing' --expires 90d", 'Reads a part, for 90 days'],
      ['tailrace keys create --role write --ip 10.0.0.0/8 --ip 192.168.7.4', 'Sends from these addresses only'],
    ],
  },
  {
    role: { type: 'enum', options: [...ROLES], description: 'What it may do; admin does everything' },
    name: { type: 'string', valueHint: 'name', description: 'What people call it' },
    expires: { type: 'string', valueHint: 'duration', description: 'How long it is valid, such as 90d [for ever]' },
    ip: { type: 'string', valueHint: 'range', description: 'Only from this address or range; may be repeated' },
    filter: { type: 'string', valueHint: 'query', description: 'What a read key may read [everything]' },
    stamp: {
      type: 'string',
      valueHint: 'field=value',
      description: 'What events of a write key bear, whatever they claim; may be repeated',
    },
    format: {
      type: 'enum',
      options: ['pretty', 'json'],
      default: 'pretty',
      description: 'json tells all about the key',
    },
    ...KEYS_FLAGS,
  },
  async (args, terminal, valuesOf) => {
    const { role, name, expires, filter } = args
    const wanted = wantedKey({ role, name, expires, filter, ips: valuesOf('ip'), stamps: valuesOf('stamp') })
    const { out, err } = terminal
    const door = await openKeysDoor(args, terminal, { mayMake: true })
    try {
      const created = await create(door, wanted)
      const json = `${JSON.stringify(created, undefined, 2)}\n`
      await out.write(args.format === 'json' ? (out.isTerminal ? escapeJson(json) : json) : `${created.key}\n`)
      const others = await otherKeys(door, created.info)
      const isFirst = others === 'none'
      await err.write(err.isTerminal ? explanation(created.info, door, isFirst, err) : consequences(door, isFirst))
      const hasAdmin = created.info.role === 'admin' || others === 'admin'
      await warnWithoutAdmin(hasAdmin, door, err)
      return EXIT_OK
    } finally {
      await door.close()
    }
  },
)

/** A key that cannot be made as it was asked for is wrong use. */
async function create(door: KeysDoor, wanted: Parameters<KeysDoor['create']>[0]): Promise<CreatedKeyJson> {
  try {
    return await door.create(wanted)
  } catch (error) {
    if (!(error instanceof ServerProblem || error instanceof AppError) || error.code !== 'REQUEST_INVALID') throw error
    throw new UsageError(error.message, error.hint)
  }
}

/** Over the API an admin key has made it; or nobody, as the very first one. */
async function otherKeys({ folder, list }: KeysDoor, { id, createdBy }: KeyJson): Promise<'none' | 'admin' | 'some'> {
  if (!folder) return createdBy === '' ? 'none' : 'admin'
  const others = (await list()).filter((key) => key.id !== id)
  if (others.length === 0) return 'none'
  return countValidKeys(others, Date.now()).admin > 0 ? 'admin' : 'some'
}

const USES: Readonly<Record<Role, { command: string; request: string }>> = {
  write: { command: 'tailrace send --service app < app.log', request: `/api/v1/ingest --json '{"message":"hello"}'` },
  read: { command: "tailrace query 'level:>=warn' --since 1h", request: '/api/v1/query?query=error' },
  admin: { command: 'tailrace keys list', request: '/api/v1/status' },
}

/** What it is and how it is used; never the key itself, which may be on its way into a variable. */
function explanation(info: KeyJson, { folder, url }: KeysDoor, isFirst: boolean, { colors }: Output): string {
  const { dim, bold } = colors
  const name = info.name === '' ? '' : ` ${JSON.stringify(info.name)}`
  const until = info.expires === null ? 'until it is revoked' : `until ${clockFace(false).full(info.expires)}`
  const { command, request } = USES[info.role]
  const inFolder = folder ? ` --data ${folder.path}` : ''
  const lines = [
    '',
    `Key ${bold(info.id)}${escapeText(name)}, shown this once. It may`,
    `  ${escapeText(sentenceOf(info))}`,
    `  ${until}`,
    ...(folder ? folderLines(folder) : []),
    ...(isFirst && !folder?.isUnused ? [SHUT] : []),
    '',
    dim('Keep it in a file for --key-file (chmod 600), or in a variable:'),
    '  export TAILRACE_KEY=trk_…',
    `  ${command}`,
    `  curl -H "Authorization: Bearer $TAILRACE_KEY" \\`,
    `    ${url ?? DEFAULT_URL}${request}`,
    dim('End it:'),
    `  tailrace keys revoke ${info.id}${escapeText(inFolder)}`,
    '',
  ]
  return lines.map((line) => `${line}\n`).join('')
}

const SHUT = 'From now on the server asks everybody for a key.'

/** What somebody has to know who reads no explanation: a script, or whoever looks at what it wrote. */
function consequences({ folder }: KeysDoor, isFirst: boolean): string {
  if (folder?.isUnused) return `No server has used ${escapeText(folder.path)} yet: is it the right folder?\n`
  return isFirst ? `${SHUT}\n` : ''
}

function folderLines({ path, isUnused }: NonNullable<KeysDoor['folder']>): string[] {
  const shown = escapeText(path)
  if (!isUnused) return [`A server that runs on ${shown} knows it within a second.`]
  return ['No server has used this folder yet; one that does:', `  tailrace serve --data ${shown}`]
}
