import { describe, expect, test } from 'vitest'
import { ServerAway, ServerProblem, type AwayCircumstances } from '../client/failures.ts'
import { AppError } from '../core/errors.ts'
import { CommandFailure, UsageError } from './command.ts'
import { explainFailure, underlineMistakes } from './failure.ts'
import { memoryTerminal } from './testing/memory-terminal.ts'

const failed = (code: string, more: object = {}) => Object.assign(new Error('failed'), { code, ...more })

describe('each failure has an exit code, a sentence and what to do', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  test.each<[Error, number, RegExp]>([
    [new UsageError('bad flag', 'do this'), 2, /^error bad flag\ndo this\ntailrace send --help/],
    [new CommandFailure('it broke'), 1, /^error it broke\n$/],
    [
      new ServerAway('http://127.0.0.1:7575', refused),
      1,
      /^error There is no Tailrace server at http:\/\/127.0.0.1:7575: connection refused.\nStart one with `npm start`/,
    ],
    [new ServerAway('http://logs:1', new Error('odd')), 1, /^error .* cannot be reached: odd.\nCheck the address/],
    [
      new ServerProblem({ status: 503, code: 'SPOOL_FULL', detail: 'full', hint: 'wait' }),
      1,
      /^error full \(SPOOL_FULL\)\nwait\n$/,
    ],
    [new ServerProblem({ status: 400, code: 'TIME_INVALID', detail: 'start lies after end' }), 2, /^error start lies/],
    [new ServerProblem({ status: 500, detail: 'a\u001b[2J\nb' }), 1, /^error a\\x1b\[2J\\nb/],
    [new AppError('CONFIG_INVALID', { detail: 'no such key' }), 2, /no such key/],
    [new AppError('LISTEN_FAILED'), 1, /LISTEN_FAILED/],
  ])('%s', async (error, code, text) => {
    const terminal = memoryTerminal()
    expect(await explainFailure(error, terminal.err, 'send')).toBe(code)
    expect(terminal.errText()).toMatch(text)
  })

  test.each<[code: string, command: string, text: RegExp]>([
    ['KEY_REQUIRED', 'send', /^Show one with --key-file[^]*keys create --role write --data/m],
    ['KEY_REQUIRED', 'tail', /keys create --role read --data/],
    ['KEY_REQUIRED', 'keys list', /^On the server's own machine no key is needed:\n {2}the same command with --data/m],
    ['KEY_REFUSED', 'query', /^Unknown, revoked, expired/m],
    ['ACCESS_DENIED', 'keys create', /^what the server says\nOn the server's own machine no key/m],
    ['ACCESS_DENIED', 'query', /^what the server says\nTo make one/m],
    ['SIGNATURE_REFUSED', 'send', /^The clocks agree: the key may be wrong/m],
    ['NOT_FOUND', 'query', /^what the server says\n$/m],
    ['TOO_MANY_REQUESTS', 'query', /^what the server says\n$/m],
  ])('%s for %s', async (code, command, text) => {
    const terminal = memoryTerminal()
    const problem = new ServerProblem({ status: 401, code, hint: 'what the server says' }, { clockAheadMs: 900 })
    expect(await explainFailure(problem, terminal.err, command)).toBe(1)
    expect(terminal.errText()).toMatch(text)
    for (const line of terminal.errText().split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  test('a key of another role: one hint, with the role that the server names', async () => {
    const terminal = memoryTerminal()
    const hint = 'Make one with: tailrace keys create --role write'
    await explainFailure(
      new ServerProblem({ status: 403, code: 'ACCESS_DENIED', detail: 'no', hint }),
      terminal.err,
      'x',
    )
    expect(terminal.errText()).toBe(
      "error no (ACCESS_DENIED)\nTo make one, on the server's own machine:\n" +
        '  tailrace keys create --role write --data <data folder>\n',
    )
  })

  test.each([
    [41_000, 'Try again in 41s.'],
    [0, 'Try again in 1s.'],
    [61_000, 'Try again in 1m1s.'],
  ])('a limit that passes in %s ms says when', async (retryAfterMs, text) => {
    const terminal = memoryTerminal()
    const problem = new ServerProblem(
      { status: 429, code: 'TOO_MANY_REQUESTS', detail: 'invalid keys' },
      { retryAfterMs },
    )
    await explainFailure(problem, terminal.err, 'query')
    expect(terminal.errText()).toBe(`error invalid keys (TOO_MANY_REQUESTS)\n${text}\n`)
  })

  const cert = { subjectaltname: 'DNS:logs.example, IP Address:10.0.0.7' }
  test.each<[what: string, cause: Error, circumstances: AwayCircumstances, said: RegExp]>([
    ['no authority', failed('DEPTH_ZERO_SELF_SIGNED_CERT'), {}, /self-signed\.\nSay what to know it by: --ca/],
    [
      'a wrong authority',
      failed('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
      { hasAuthority: true },
      /not known here\.\nThe file of --ca does not lead to the certificate of the server/,
    ],
    ['an old one', failed('CERT_HAS_EXPIRED'), { hasAuthority: true }, /has expired\.\nSay what to know it by/],
    [
      'another name',
      failed('ERR_TLS_CERT_ALTNAME_INVALID', { host: 'localhost', cert }),
      { hasAuthority: true },
      /certificate is for logs\.example, 10\.0\.0\.7, not for localhost\.\nWrite --url with a name that is in it/,
    ],
    ['a cut, without a certificate', failed('ECONNRESET'), { isNewSecure: true }, /may want a client certificate/],
    [
      'a cut, with one',
      failed('ECONNRESET'),
      { isNewSecure: true, hasCertificate: true },
      /may want another client certificate than that of --cert/,
    ],
    ['a cut later', failed('ECONNRESET'), { hasCertificate: true }, /Start one with/],
    ['none there', refused, { isNewSecure: true, hasCertificate: true }, /Start one with/],
  ])('TLS: %s', async (_what, cause, circumstances, said) => {
    const terminal = memoryTerminal()
    await explainFailure(new ServerAway('https://127.0.0.1:1', cause, circumstances), terminal.err, 'query')
    expect(terminal.errText()).toMatch(said)
  })

  test.each([
    [undefined, "Compare this machine's clock"],
    [432_000, "The server's clock is 7m12s ahead of this machine's"],
    [-7_200_000, "The server's clock is 2h behind this machine's"],
  ])('a signature with clocks %s ms apart', async (clockAheadMs, text) => {
    const terminal = memoryTerminal()
    const problem = new ServerProblem({ status: 401, code: 'SIGNATURE_REFUSED' }, { clockAheadMs })
    await explainFailure(problem, terminal.err, 'send')
    expect(terminal.errText()).toContain(text)
  })

  test('without a server, commands about keys go on in the data folder', async () => {
    const terminal = memoryTerminal()
    await explainFailure(new ServerAway('http://127.0.0.1:7575', refused), terminal.err, 'keys create')
    expect(terminal.errText()).toContain('the same command with --data <data folder>')
  })

  test('no key is ever shown, whoever quotes it', async () => {
    const key = `trk_abcdefghijkl_${'x'.repeat(43)}`
    for (const error of [
      new UsageError(key, key),
      new CommandFailure(key, key),
      new ServerProblem({ status: 500, detail: key, hint: key }),
      new ServerAway(`http://x/${key}`, new Error(key)),
      new AppError('CONFIG_INVALID', { detail: key, hint: key }),
    ]) {
      const terminal = memoryTerminal()
      await explainFailure(error, terminal.err)
      expect(terminal.errText()).toContain('trk_abcdefghijkl_…')
      expect(terminal.errText()).not.toContain('xxx')
    }
  })

  test('our own faults are not explained away', async () => {
    await expect(explainFailure(new TypeError('oops'), memoryTerminal().err)).rejects.toThrow('oops')
  })
})

const underline = (query: string, from: number, to: number, columns?: number) => {
  const problem = new ServerProblem({
    status: 400,
    problems: [{ code: 'X', message: 'wrong', from, to, hint: 'right' }],
  })
  const { err } = memoryTerminal(columns === undefined ? {} : { columns, env: { NO_COLOR: '1' } })
  return underlineMistakes(query, problem, err)?.split('\n')
}

describe('mistakes are underlined where they stand', () => {
  test.each<[name: string, query: string, from: number, to: number, shown: string, marks: string]>([
    ['in the middle', 'a | stts count()', 4, 8, 'a | stts count()', '    ^^^^'],
    ['at the end', 'a "open', 7, 7, 'a "open', '       ^'],
    ['behind the end', 'abc', 9, 12, 'abc', '   ^'],
    ['after wide characters', '漢字 | x', 5, 6, '漢字 | x', '       ^'],
    ['after what is escaped', '\u202ea | x', 5, 6, String.raw`\u202ea | x`, '          ^'],
    ['in the second line', 'a\nb | x', 6, 7, 'b | x', '    ^'],
  ])('%s', (_name, query, from, to, shown, marks) => {
    expect(underline(query, from, to)).toEqual(['error wrong', `  ${shown}`, `  ${marks}`, '  right', ''])
  })

  test('a long query is shown around the mistake', () => {
    const [, shown = '', marks = ''] = underline(`${'word '.repeat(100)}| stts count() by service`, 502, 506, 60) ?? []
    expect(shown.length).toBeLessThanOrEqual(60)
    expect(shown.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1)).toBe('stts')
  })

  test('other problems are not underlined', () => {
    const problem = new ServerProblem({ status: 400, problems: [{ line: 1, reason: 'x' }] })
    expect(underlineMistakes('q', problem, memoryTerminal().err)).toBeUndefined()
  })
})
