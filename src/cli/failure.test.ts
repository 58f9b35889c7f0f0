import { describe, expect, test } from 'vitest'
import { ServerAway, ServerProblem } from '../client/failures.ts'
import { AppError } from '../core/errors.ts'
import { CommandFailure, UsageError } from './command.ts'
import { explainFailure, underlineMistakes } from './failure.ts'
import { memoryTerminal } from './testing/memory-terminal.ts'

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
