import { expect, test } from 'vitest'
import { messageFinder } from './highlight.ts'

test.each<[query: string, text: string, marked: string]>([
  ['reset', 'Connection RESET by peer, reset', 'Connection [RESET] by peer, [reset]'],
  ['"connection reset"', 'connection reset', '[connection reset]'],
  [String.raw`"say \"hi\""`, 'they say "hi" now', 'they [say "hi"] now'],
  ['a.b', 'axb a.b', 'axb [a.b]'],
  ['failed OR failure', 'failed failure', '[failed] [failure]'],
  ['level:error service:reset "x" reset', 'reset error x', '[reset] error [x]'],
  ['-reset NOT peer by', 'reset by peer', 'reset [by] peer'],
  ['NOT (reset by) peer', 'reset by peer', 'reset by [peer]'],
  ['(reset OR (by -peer))', 'reset by peer', '[reset] [by] peer'],
  ['level:(error OR warn) by', 'error by', 'error [by]'],
  ['message:reset msg:"by peer"', 'reset by peer', '[reset] [by peer]'],
  ['-message:reset', 'reset', 'reset'],
  ['status:>=500 status:500..599', 'status 500', 'status 500'],
  ['conn*reset', 'conn was reset', '[conn] was [reset]'],
  ['/took [0-9]+ms/', 'it took 12ms, TOOK 1ms', 'it [took 12ms], TOOK 1ms'],
  ['/TOOK/i', 'it took', 'it [took]'],
  ['/(/', 'it took (', 'it took ('],
  ['reset | stats count() by peer', 'reset by peer', '[reset] by peer'],
  ['"a|b" c', 'a|b c', '[a|b] [c]'],
  ['/a|b/', 'b', '[b]'],
  ['res eset', 'reset', '[reset]'],
  ['reset by', 'reset|by', '[reset]|[by]'],
  ['*', 'a*b', 'a*b'],
  ['', 'x', 'x'],
  ['"unclosed', 'unclosed', 'unclosed'],
  ['İ', 'İstanbul İ', '[İ]stanbul [İ]'],
])('%s', async (query, text, marked) => {
  const find = await messageFinder(query)
  let shown = ''
  let at = 0
  for (const [from, to] of find(text)) {
    shown += `${text.slice(at, from)}[${text.slice(from, to)}]`
    at = to
  }
  expect(shown + text.slice(at)).toBe(marked)
})

test('an expression that would take for ever elsewhere does not', async () => {
  const find = await messageFinder('/(a+)+$/')
  expect(find(`${'a'.repeat(5000)}!`)).toEqual([])
})
