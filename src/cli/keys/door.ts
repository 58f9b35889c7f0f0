import { resolve } from 'node:path'
import type { ArgsDef } from 'citty'
import type { CreatedKeyJson, KeyJson, NewKeyJson } from '../../client/keys.ts'
import { UsageError } from '../command.ts'
import { connectClient, CONNECTION_FLAGS, type ConnectionArguments } from '../connection.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** The flags of every command about keys. */
export const KEYS_FLAGS = {
  data: {
    type: 'string',
    valueHint: 'folder',
    description: "In the server's data folder itself: takes no key, and works with and without a running server",
  },
  ...CONNECTION_FLAGS,
} as const satisfies ArgsDef

export interface KeysArguments extends ConnectionArguments {
  data?: string | undefined
}

/** The table of keys, over the API of a server or in its data folder. */
export interface KeysDoor {
  /** The data folder, when it is asked directly. */
  readonly folder: { path: string; isUnused: boolean } | undefined
  /** The server, when it is asked. */
  readonly url: string | undefined
  list(): Promise<readonly KeyJson[]>
  create(key: NewKeyJson): Promise<CreatedKeyJson>
  revoke(id: string): Promise<KeyJson>
  close(): Promise<void>
}

/** What the table says of keys that this program has made in the folder itself. */
const CREATOR = 'command line'

/** `mayMake`: a data folder that is not there is made. */
export async function openKeysDoor(
  args: KeysArguments,
  terminal: Terminal,
  { mayMake = false }: { mayMake?: boolean } = {},
): Promise<KeysDoor> {
  if (args.data === undefined) return serverDoor(args, terminal)
  for (const flag of ['url', 'key', 'key-file'] as const) {
    if (args[flag] === undefined) continue
    throw new UsageError(`--data and --${flag} exclude each other`, '--data asks no server, and needs no key.')
  }
  const path = resolve(terminal.cwd, args.data)
  const { openFolderKeys } = await import('../../app/keys.ts')
  const { keys, isUnused, close } = await openFolderKeys(path, { mayMake })
  return {
    folder: { path, isUnused },
    url: undefined,
    list: () => Promise.resolve(keys.list()),
    create: (key) => keys.create(key, CREATOR),
    revoke: (id) => keys.revoke(id),
    close,
  }
}

function serverDoor(args: KeysArguments, terminal: Terminal): KeysDoor {
  const client = connectClient(args, terminal)
  return {
    folder: undefined,
    url: client.url,
    list: () => client.listKeys(),
    create: (key) => client.createKey(key),
    revoke: (id) => client.revokeKey(id),
    close: () => Promise.resolve(client.close()),
  }
}
