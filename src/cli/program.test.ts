import { expect, test } from 'vitest'
import { runProgram } from './program.ts'
import { memoryTerminal } from './testing/memory-terminal.ts'

async function run(...args: string[]) {
  const terminal = memoryTerminal({ columns: 80, env: { NO_COLOR: '1' } })
  const code = await runProgram(args, terminal)
  return { code, out: terminal.outText(), err: terminal.errText() }
}

test.each<[args: string[], out: RegExp]>([
  [[], /^tailrace .*\n\nUsage\n {2}tailrace <command>/],
  [['--help'], /^ {2}keys create +Make a key/m],
  [['help'], /^ {2}keys create +Make a key/m],
  [['--version'], /^\d+\.\d+\.\d+/],
  [['tail', '-h'], /^Usage\n {2}tailrace tail \[query\]/m],
  [['help', 'tail'], /^Usage\n {2}tailrace tail \[query\]/m],
  [['keys'], /^Usage\n {2}tailrace keys <command>[^]*keys create[^]*keys list[^]*keys revoke/],
  [['keys', '--help'], /^Usage\n {2}tailrace keys <command>/],
  [['help', 'keys'], /^Usage\n {2}tailrace keys <command>/],
  [['keys', 'revoke', '--help'], /^Usage\n {2}tailrace keys revoke <id> \[options\]/m],
  [['help', 'keys', 'list'], /^Usage\n {2}tailrace keys list \[options\]/m],
])('%j shows help', async (args, expected) => {
  const { code, out, err } = await run(...args)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(expected)
  const tooLong = out.split('\n').filter((line) => line.length > 80 && !/^ {2}(?:tailrace|\S+ \S+ \||KEY=)/.test(line))
  expect(tooLong).toEqual([])
})

test.each<[args: string[], err: RegExp]>([
  [['serv'], /^error There is no command serv; did you mean serve\?/],
  [['--sevre'], /^error There is no flag --sevre/],
  [
    ['keys', 'revok', 'x'],
    /^error There is no command keys revok; did you mean keys revoke\?\nCommands: keys create, keys list, keys revoke\ntailrace keys --help/,
  ],
  [['keys', 'create', '--rolle', 'read'], /did you mean --role\?\ntailrace keys create --help/],
  [['tail', '--urll', 'x'], /did you mean --url\?\ntailrace tail --help/],
])('%j is wrong use, and says of what', async (args, expected) => {
  const { code, out, err } = await run(...args)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toMatch(expected)
})
