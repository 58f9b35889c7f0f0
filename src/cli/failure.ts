import { AppError } from '../core/errors.ts'
import { formatDuration } from '../core/time.ts'
import type { QueryProblemJson } from '../client/answers.ts'
import { ServerAway, ServerProblem, type TlsObstacle } from '../client/failures.ts'
import { accessHint, offlineHint } from './access-hint.ts'
import { CommandFailure, EXIT_FAILED, EXIT_MISUSED, UsageError } from './command.ts'
import { withoutSecrets } from './secrecy.ts'
import { escapeText } from '../core/escape.ts'
import type { Output } from './terminal/terminal.ts'
import { displayWidth, fittingLength } from './terminal/width.ts'

/**
 * Says on `err` what went wrong and what to do. Returns the exit code. Our own faults are thrown on. Whatever the
 * reason quotes, no key is shown.
 */
export async function explainFailure(error: unknown, err: Output, command?: string): Promise<number> {
  const { colors } = err
  const say = async (sentence: string, hints: readonly (string | undefined)[]) => {
    const lines = hints.flatMap((hint) => (hint ? hint.split('\n') : []))
    const shown = lines.map((line) => `${colors.dim(escapeText(withoutSecrets(line)))}\n`)
    await err.write(`${colors.red('error')} ${escapeText(withoutSecrets(sentence))}\n${shown.join('')}`)
  }
  if (error instanceof UsageError) {
    const help = `tailrace ${command === undefined ? '' : `${command} `}--help shows how it is used.`
    await say(error.message, [error.hint, help])
    return EXIT_MISUSED
  }
  const known = serverFailure(error, command)
  if (error instanceof CommandFailure) await say(error.message, [error.hint])
  else if (known) {
    await say(known.sentence, known.hints)
    return error instanceof ServerProblem && error.code === 'TIME_INVALID' ? EXIT_MISUSED : EXIT_FAILED
  } else if (error instanceof AppError) {
    await say(`${error.title} (${error.code})`, [error.detail, error.hint])
    return error.code === 'CONFIG_INVALID' ? EXIT_MISUSED : EXIT_FAILED
  } else throw error
  return EXIT_FAILED
}

/** What is wrong with a server, and what to do about it; `undefined` for anything else. Not escaped. */
export function serverFailure(
  error: unknown,
  command?: string,
): { sentence: string; hints: readonly (string | undefined)[] } | undefined {
  if (error instanceof ServerAway) {
    return { sentence: awaySentence(error), hints: [awayHint(error), ...offlineHint(command)] }
  }
  if (!(error instanceof ServerProblem)) return undefined
  return {
    sentence: `${error.message} (${error.code})`,
    hints: [...(accessHint(error, command) ?? [error.hint]), waitHint(error)],
  }
}

/** What a server that limits somebody asks for. */
function waitHint({ status, retryAfterMs }: ServerProblem): string | undefined {
  if (status !== 429 || retryAfterMs === undefined) return undefined
  return `Try again in ${formatDuration(BigInt(Math.max(1, Math.ceil(retryAfterMs / 1000))) * 1_000_000_000n)}.`
}

function awaySentence({ url, reason }: ServerAway): string {
  return reason === 'connection refused'
    ? `There is no Tailrace server at ${url}: ${reason}.`
    : `The Tailrace server at ${url} cannot be reached: ${reason}.`
}

const TLS_HINTS: Readonly<Record<TlsObstacle, string>> = {
  untrusted:
    'Say what to know it by: --ca <file> (its authority, or its own certificate), or --fingerprint <sha256> as the ' +
    'server prints it when it starts.',
  authority:
    'The file of --ca does not lead to the certificate of the server. It takes the certificate of its authority, or its ' +
    'own. If this is the server that is meant, --fingerprint <sha256> knows it as well.',
  name: 'Write --url with a name that is in it; or give --fingerprint <sha256>, which asks for no name.',
  fingerprint:
    'Nothing was sent, no key either. Either its certificate was replaced: compare with what the server prints when it ' +
    'starts. Or this is another server.',
  'client-certificate': 'Show one with --cert <file> and --cert-key <file>.',
  'other-client-certificate': 'It does not accept the one of --cert: show one of an authority that it knows.',
  plain: 'Write http:// if the server is meant to be without TLS.',
}

const SUSPICIONS: { readonly [name in TlsObstacle]?: string } = {
  'client-certificate':
    'It ended the connection at the handshake: it may want a client certificate (--cert and --cert-key).',
  'other-client-certificate':
    'It ended the connection at the handshake: it may want another client certificate than that of --cert.',
}

/** What to do about it. */
export function awayHint({ url, obstacle, suspicion }: ServerAway): string {
  if (obstacle !== undefined) return TLS_HINTS[obstacle]
  const suspected = suspicion && SUSPICIONS[suspicion]
  if (suspected !== undefined) return suspected
  const isHere = /^https?:\/\/(?:127\.|localhost|\[::1\])/.test(url)
  return isHere
    ? 'Start one with `npm start` (or `tailrace serve`), or name another with --url or TAILRACE_URL.'
    : 'Check the address, or name another with --url or TAILRACE_URL.'
}

/**
 * The mistakes of a query, each underlined where it stands. `undefined` when the problem is not about the query's
 * text.
 */
export function underlineMistakes(
  query: string,
  problem: ServerProblem,
  { colors, columns }: Output,
): string | undefined {
  const mistakes = problem.problems.filter(isMistake)
  if (mistakes.length === 0) return undefined
  return mistakes.map((mistake) => underline(query, mistake, colors, columns ?? 80)).join('')
}

function underline(query: string, mistake: QueryProblemJson, colors: Output['colors'], columns: number): string {
  const from = Math.min(mistake.from, query.length)
  const to = Math.max(from, Math.min(mistake.to, query.length))
  const lineFrom = query.lastIndexOf('\n', from - 1) + 1
  const lineEnd = query.indexOf('\n', from)
  const line = query.slice(lineFrom, lineEnd === -1 ? undefined : lineEnd)
  const before = escapeText(line.slice(0, from - lineFrom))
  const marked = escapeText(line.slice(from - lineFrom, to - lineFrom))
  const after = escapeText(line.slice(to - lineFrom))
  // A long query is shown around the mistake.
  const room = Math.max(20, columns - 4)
  const skipped =
    displayWidth(before) + displayWidth(marked) > room ? before.length - fittingLength(before, room / 2) : 0
  const lead = skipped > 0 ? `…${before.slice(skipped)}` : before
  const shownMark = marked.slice(0, fittingLength(marked, Math.max(1, room - displayWidth(lead))))
  const rest = after.slice(0, fittingLength(after, Math.max(0, room - displayWidth(lead) - displayWidth(shownMark))))
  const caret = '^'.repeat(Math.max(1, displayWidth(shownMark)))
  return [
    `${colors.red('error')} ${escapeText(mistake.message)}`,
    `  ${lead}${colors.red(shownMark)}${rest}`,
    `  ${' '.repeat(displayWidth(lead))}${colors.red(caret)}`,
    ...(mistake.hint ? [colors.dim(`  ${escapeText(mistake.hint)}`)] : []),
    '',
  ].join('\n')
}

function isMistake(value: unknown): value is QueryProblemJson {
  const { message, from, to } = value as Partial<QueryProblemJson>
  return typeof message === 'string' && typeof from === 'number' && typeof to === 'number'
}
