import { resolve } from 'node:path'
import { UsageError } from './command.ts'
import { readShortFile } from './short-file.ts'
import type { Terminal } from './terminal/terminal.ts'

/** Where a key may come from. */
export interface KeyArguments {
  key?: string | undefined
  'key-file'?: string | undefined
}

const KEY_FILE_BYTES_MAX = 4096
/** How often the file of a key is read at most. */
const REREAD_MS = 5000
/** What a bearer token may consist of (RFC 6750 §2.1). */
const BEARER = /^[A-Za-z0-9._~+/-]+=*$/
const KEY = /^trk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$/

/**
 * The key to show the server: `--key` or `--key-file`, else TAILRACE_KEY, else TAILRACE_KEY_FILE; `undefined` without
 * any. No message has any of it. Throws UsageError when it cannot be read or can be none.
 */
export function readKey(args: KeyArguments, { env, cwd }: Pick<Terminal, 'env' | 'cwd'>): string | undefined {
  const { key, 'key-file': file } = args
  if (key !== undefined && file !== undefined) throw new UsageError('--key and --key-file exclude each other')
  if (key !== undefined) return checkedKey(key, '--key')
  if (file !== undefined) return checkedKey(readKeyFile(resolve(cwd, file), '--key-file'), '--key-file')
  const { TAILRACE_KEY: ownKey = '', TAILRACE_KEY_FILE: ownFile = '' } = env
  if (ownKey.trim() !== '') return checkedKey(ownKey, 'TAILRACE_KEY')
  if (ownFile === '') return undefined
  return checkedKey(readKeyFile(resolve(cwd, ownFile), 'TAILRACE_KEY_FILE'), 'TAILRACE_KEY_FILE')
}

/** A key that is read again now and then where it comes from a file: whoever replaces it need not start anew. */
export function rereadKey(
  args: KeyArguments,
  terminal: Pick<Terminal, 'env' | 'cwd'>,
  nowMs: () => number = () => performance.now(),
): () => string | undefined {
  let key = readKey(args, terminal)
  let readMs = nowMs()
  return () => {
    if (nowMs() - readMs < REREAD_MS) return key
    readMs = nowMs()
    try {
      key = readKey(args, terminal)
    } catch {
      // The file is being replaced, or is gone: the key that was there goes on to be shown.
    }
    return key
  }
}

/** A token cannot sign: only whoever has the key itself. Throws UsageError. */
export function checkSigningKey(key: string | undefined): void {
  const hint = 'Such as trk_…, with --key-file or TAILRACE_KEY; one with role write.'
  if (key === undefined) throw new UsageError('--sign needs a key to sign with', hint)
  if (!KEY.test(key)) throw new UsageError('--sign takes a whole key, which this is not', hint)
}

function checkedKey(text: string, origin: string): string {
  const key = text.trim()
  if (key === '') throw new UsageError(`There is no key in ${origin}`)
  if (BEARER.test(key)) return key
  const at = key.search(/[^A-Za-z0-9._~+/=-]/)
  throw new UsageError(
    `What ${origin} holds is no key: its character ${(at === -1 ? key.indexOf('=') : at) + 1} cannot be there`,
    'A key is one word such as trk_…, without quotes.',
  )
}

function readKeyFile(path: string, origin: string): string {
  let text: string | undefined
  try {
    text = readShortFile(path, KEY_FILE_BYTES_MAX)
  } catch (error) {
    throw new UsageError(`The file of ${origin} cannot be read: ${(error as Error).message}`)
  }
  if (text === undefined) throw new UsageError(`The file of ${origin} is too long to hold a key: ${path}`)
  return text
}
