import type { ArgsDef } from 'citty'
import { describe, expect, test } from 'vitest'
import { canonicalArguments, REPEATABLE } from './arguments.ts'
import { UsageError } from './command.ts'

const FLAGS = {
  query: { type: 'positional', required: false },
  since: { type: 'string', valueHint: 'time' },
  limit: { type: 'string', alias: 'n', valueHint: 'n' },
  format: { type: 'enum', options: ['pretty', 'json'] },
  wide: { type: 'boolean' },
  at: { type: 'string', valueHint: REPEATABLE },
} satisfies ArgsDef

test.each<[given: string[], canonical: string[]]>([
  [[], ['--']],
  [['error'], ['--', 'error']],
  [
    ['--since', '-15m', 'error'],
    ['--since=-15m', '--', 'error'],
  ],
  [
    ['--since=1h', '--wide'],
    ['--since=1h', '--wide', '--'],
  ],
  [['--no-wide'], ['--no-wide', '--']],
  [
    ['--at', 'a', '--wide', '--at=b,c', '--at', 'd'],
    ['--at=a,b,c,d', '--wide', '--'],
  ],
  [
    ['--since', 'a', '--since', 'b'],
    ['--since=a', '--since=b', '--'],
  ],
  [
    ['-n', '5'],
    ['--limit=5', '--'],
  ],
  [['-n5'], ['--limit=5', '--']],
  [['-n=5'], ['--limit=5', '--']],
  [['-health'], ['--', '-health']],
  [['-nothing'], ['--', '-nothing']],
  [
    ['--', '--since'],
    ['--', '--since'],
  ],
  [['-'], ['--', '-']],
  [
    ['--format', 'json', '--since', ''],
    ['--format=json', '--since=', '--'],
  ],
])('%j', (given, canonical) => expect(canonicalArguments(given, FLAGS)).toEqual(canonical))

describe('mistakes', () => {
  test.each<[given: string[], message: string, hint?: string]>([
    [['--limt', '5'], '--limt is not a flag of this command; did you mean --limit?'],
    [
      ['--limt', '5', '--since', '--sinc', '--frmat=json', '-n', '--', '--wid', '--', '--wyde'],
      '--limt is not a flag of this command; did you mean --limit?',
      '--frmat is not a flag of this command; did you mean --format?\n' +
        '--wid is not a flag of this command; did you mean --wide?',
    ],
    [['--xyzzy'], '--xyzzy is not a flag of this command'],
    [['--since'], '--since needs a value, such as --since <time>'],
    [['--format', 'jsn'], '--format is pretty, json, not "jsn"; did you mean json?'],
    [['--wide=yes'], '--wide takes no value'],
    [['--no-since'], '--no-since is not a flag of this command'],
    [
      ['level:error', 'connection reset', "it's"],
      'The query must be one argument',
      `Put quotes around it: 'level:error "connection reset" it'\\''s'`,
    ],
  ])('%j', (given, message, hint) => {
    const check = () => canonicalArguments(given, FLAGS)
    expect(check).toThrow(UsageError)
    expect(check).toThrow(message)
    if (hint !== undefined) expect(check).toThrow(expect.objectContaining({ hint }) as Error)
  })

  test('a positional that has to be there, and one too many', () => {
    expect(() => canonicalArguments([], { name: { type: 'positional' } })).toThrow('The name is missing')
    expect(() => canonicalArguments(['x'], {})).toThrow('"x" is not expected here')
  })
})
