import { describe, expect, test } from 'vitest'
import { canonicalArguments } from './arguments.ts'
import { COMMANDS } from './commands.ts'
import { memoryTerminal } from './testing/memory-terminal.ts'
import { commandUsage, programUsage } from './usage.ts'

const linesOf = (text: string) => text.split('\n')
/** An example stays on one line, so that it can be copied: it has to fit 80 columns, and no less. */
const isTooLong = (columns: number) => (line: string) => line.length > Math.max(80, columns)

test('the program lists every command with its summary', () => {
  const text = programUsage('1.2.3', memoryTerminal().out)
  for (const { name, summary } of COMMANDS) expect(text).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'))
  expect(text).toContain('1.2.3')
  expect(linesOf(text).filter(isTooLong(80))).toEqual([])
})

describe.each(COMMANDS)('$name', ({ name, load }) => {
  test('tells usage, every flag and examples within the width of the terminal', async () => {
    const command = await load()
    const flags = Object.keys(await command.flags())
    for (const columns of [undefined, 80, 120, 40]) {
      const { out } = memoryTerminal({ ...(columns === undefined ? {} : { columns }), env: { NO_COLOR: '1' } })
      const text = await commandUsage(command, out, true)
      expect(text).toContain(`Usage\n  tailrace ${name}`)
      for (const flag of flags) expect(text).toContain(flag)
      for (const [example, meaning] of command.examples) {
        expect(text).toContain(example)
        expect(text.replaceAll(/\n\s*#/g, '')).toContain(meaning)
      }
      if (columns !== 40) expect(linesOf(text).filter(isTooLong(columns ?? 80))).toEqual([])
    }
  })

  test('the flags in its own examples exist', async () => {
    const command = await load()
    const definition = await command.flags()
    for (const [example] of command.examples) {
      const [, own = ''] = new RegExp(`tailrace ${name}([^|>]*)`).exec(example.replaceAll(/'[^']*'/g, 'x')) ?? []
      const [mine = ''] = command.takesCommand ? own.split(/(?:^| )-- /, 1) : [own]
      const words = mine.trim().split(/\s+/).filter(Boolean)
      expect(() => canonicalArguments(words, definition)).not.toThrow()
    }
  })
})

test('a command with very many flags shows those that matter first, and says how to see the others', async () => {
  const command = await COMMANDS.find(({ name }) => name === 'serve')?.load()
  if (!command) throw new Error('there is no serve')
  const { out } = memoryTerminal({ columns: 80, env: { NO_COLOR: '1' } })
  const text = await commandUsage(command, out)
  for (const flag of command.mainFlags ?? []) expect(text).toContain(`--${flag} `)
  expect(text).not.toContain('--access-keys-max')
  expect(text).toMatch(/--help --all +With the \d+ other settings/)
  expect(linesOf(text).length).toBeLessThan(100)
})
