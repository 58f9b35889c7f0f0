/**
 * The laws of the house (ARCHITECTURE.md, CONTRIBUTING.md), as tests over the repository's own text. Every law is also
 * shown a small sample that breaks it, so that none of them can fall asleep.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../src/cli/commands.ts'
import { configReference } from '../src/app/config.ts'
import { ERRORS } from '../src/core/errors.ts'
import {
  commandDocProblems,
  configDocProblems,
  errorDocProblems,
  linkProblems,
  sourceProblems,
} from './tidy/agreement.ts'
import * as law from './tidy/files.ts'
import { importCycles, importsOf } from './tidy/imports.ts'
import { isProgram, readRepository, roomOf, type SourceFile } from './tidy/repository.ts'
import { roomProblems, ROOMS } from './tidy/rooms.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = readRepository(root)
const page = (path: string): string => files.find((file) => file.path === path)?.text ?? ''
const program = files.filter(isProgram)

describe('the repository', () => {
  test('was found', () => {
    expect(program.length).toBeGreaterThan(30)
    expect(program.flatMap(importsOf).length).toBeGreaterThan(program.length)
  })

  test.each<[string, () => readonly unknown[]]>([
    ['rooms import only what the table allows', () => roomProblems(files)],
    ['no import cycle', () => importCycles(program)],
    ['files are short', () => law.lengthProblems(files)],
    ['file names say what is inside', () => law.nameProblems(files)],
    ['nothing is left unfinished', () => law.wordProblems(files)],
    ['no path or package host of one machine', () => law.machineProblems(files)],
    ['every room says what it is', () => law.openingProblems(files)],
    ['no test is skipped or focused', () => law.testProblems(files)],
    ['sources, registry and pages agree', () => sourceProblems(files)],
    ['error codes and their reference agree', () => errorDocProblems(ERRORS, page('docs/reference/errors.md'))],
    [
      'settings and their reference agree',
      () => configDocProblems(configReference(), page('docs/reference/config.md')),
    ],
    ['links between documents lead somewhere', () => linkProblems(files, (path) => existsSync(join(root, path)))],
  ])('%s', (_law, problems) => expect(problems()).toEqual([]))

  test('commands and their reference agree', async () => {
    const commands = await Promise.all(
      COMMANDS.map(async ({ name, load }) => {
        const flags = await (await load()).flags()
        const own = Object.keys(flags).filter((flag) => flags[flag]?.type !== 'positional')
        // The flags of serve are the settings, which have a page of their own.
        return [name, name === 'serve' ? ['config'] : own] as const
      }),
    )
    expect(commandDocProblems(new Map(commands), page('docs/reference/cli.md'))).toEqual([])
  })

  test('documents keep to their length', () => {
    expect(page('README.md').split('\n').length).toBeLessThanOrEqual(120)
    expect(page('ARCHITECTURE.md').split('\n').length).toBeLessThanOrEqual(200)
  })

  test('ARCHITECTURE.md shows every room', () => {
    const rooms = new Set(program.map(({ path }) => roomOf(path)))
    const missing = [...rooms].filter((room) => !new RegExp(`^\\| ${room} +\\|`, 'm').test(page('ARCHITECTURE.md')))
    expect(missing).toEqual([])
  })
})

function file(path: string, text = ''): SourceFile {
  return { path, text }
}

const opening = '/**\n * net: sockets.\n * It must not know protocols.\n * Start here.\n */\n'

describe('a broken law is seen:', () => {
  test.each<[string, (files: SourceFile[]) => readonly unknown[], SourceFile[]]>([
    ['core knows nobody', roomProblems, [file('src/core/a.ts', `import { b } from '../store/b.ts'`)]],
    ['not even by a re-export', roomProblems, [file('src/core/a.ts', `export * from '../net/b.ts'`)]],
    ['nor lazily', roomProblems, [file('src/core/a.ts', `const b = await import('../net/b.ts')`)]],
    ['over several lines', roomProblems, [file('src/live/a.ts', `import {\n  a,\n  b,\n} from '../query/b.ts'`)]],
    ['api holds no concrete store', roomProblems, [file('src/api/a.ts', `import { open } from '../store/b.ts'`)]],
    ['query does no IO', roomProblems, [file('src/query/a.ts', `import { open } from 'node:fs'`)]],
    ['only store speaks ClickHouse', roomProblems, [file('src/api/a.ts', `import c from '@clickhouse/client'`)]],
    ['core has no packages', roomProblems, [file('src/core/a.ts', `import 'yaml'`)]],
    ['sources are strangers', roomProblems, [file('src/sources/a/a.ts', `import { b } from '../b/b.ts'`)]],
    ['the page runs in a browser', roomProblems, [file('web/a.ts', `import { sep } from 'node:path'`)]],
    ['and knows the API by its types', roomProblems, [file('web/a/a.tsx', `import { a } from '../../src/api/a.ts'`)]],
    ['nobody knows the page', roomProblems, [file('src/api/a.ts', `import { a } from '../../web/a.ts'`)]],
    ['a new room needs an entry', roomProblems, [file('src/attic/a.ts', `import { b } from './b.ts'`)]],
    ['tests stay outside', roomProblems, [file('src/api/a.ts', `import { b } from './testing/b.ts'`)]],
    [
      'a cycle',
      importCycles,
      [
        file('src/a/a.ts', `import { b } from './b.ts'`),
        file('src/a/b.ts', `export { c } from './c.ts'`),
        file('src/a/c.ts', `import { a } from './a.ts'`),
      ],
    ],
    ['401 lines', law.lengthProblems, [file('src/a/a.ts', 'x\n'.repeat(law.FILE_LINES_MAX + 1))]],
    ['201 lines of a component', law.lengthProblems, [file('web/a.tsx', 'x\n'.repeat(law.COMPONENT_LINES_MAX + 1))]],
    ['a drawer', law.nameProblems, [file('src/a/string-utils.ts')]],
    ['a base', law.nameProblems, [file('src/a/base.ts')]],
    ['an index', law.nameProblems, [file('src/a/index.ts')]],
    ['camel case', law.nameProblems, [file('src/a/myThing.ts')]],
    ['unfinished', law.wordProblems, [file('src/a/a.ts', ['// TO', 'DO: later'].join(''))]],
    ['a home folder', law.machineProblems, [file('docs/a.md', ['see /ho', 'me/ann/x'].join(''))]],
    ['a package host', law.machineProblems, [file('package-lock.json', ['"reso', 'lved": "https://x"'].join(''))]],
    ['no opening', law.openingProblems, [file('src/net/net.ts', 'export {}')]],
    ['an opening of one line', law.openingProblems, [file('src/net/net.ts', '/**\n * net: sockets.\n */\n')]],
    ['two openings', law.openingProblems, [file('src/net/a.ts', opening), file('src/net/b.ts', opening)]],
    ['a focused test', law.testProblems, [file('src/a/a.test.ts', ['test.on', 'ly()'].join(''))]],
    ['an unregistered source', sourceProblems, [file('src/sources/a/a.ts'), file('docs/sources/a.md')]],
    ['a page without source', sourceProblems, [file('docs/sources/a.md')]],
    ['a dead link', (all) => linkProblems(all, () => false), [file('README.md', '[here](docs/no.md)')]],
    ['a dead anchor', (all) => linkProblems(all, () => true), [file('README.md', '# Top\n[here](#bottom)')]],
  ])('%s', (_law, problems, samples) => expect(problems(samples)).toHaveLength(1))

  test('error codes on one side only, twice, or described wrongly', () => {
    const errors = { A_B: { status: 400, retryable: false }, C_D: { status: 503, retryable: true } }
    const good = '### A_B\n\nHTTP 400, not retryable.\n\n### C_D\n\nHTTP 503, retryable.\n'
    expect(errorDocProblems(errors, good)).toEqual([])
    expect(errorDocProblems(errors, good.replace('C_D', 'E_F'))).toHaveLength(2)
    expect(errorDocProblems(errors, good + good)).toHaveLength(2)
    expect(errorDocProblems(errors, good.replace('400', '404'))).toHaveLength(1)
    expect(errorDocProblems(errors, good.replace('not ', ''))).toHaveLength(1)
  })

  test('a setting whose default is documented otherwise', () => {
    const reference = '| setting | default |\n|---|---|\n| a | 1 |'
    expect(configDocProblems(reference, '| setting | default |\n| ------- | ------- |\n| a       | 1 |')).toEqual([])
    expect(configDocProblems(reference, '| setting | default |\n|---|---|\n| a | 2 |')).toHaveLength(2)
  })

  test('a command or flag without words, a section without command', () => {
    const commands = new Map([['serve', ['port']]])
    expect(commandDocProblems(commands, '`--url`\n## serve\n`--port`\n')).toEqual([])
    expect(commandDocProblems(commands, '`--port`\n## serve\n## sned\n')).toHaveLength(1)
    expect(commandDocProblems(commands, '## serve\n`--prot`')).toHaveLength(1)
    expect(commandDocProblems(commands, '## sreve\n`--port`')).toHaveLength(3)
  })

  test('what is allowed stays allowed', () => {
    expect(
      roomProblems([
        file('src/api/a.ts', `import type { Store } from '../store/store.ts'\nimport { parse } from '../query/q.ts'`),
        file('src/store/a.ts', `import c from '@clickhouse/client'\nimport { open } from 'node:fs'`),
        file('src/sources/http/a.ts', `import { S } from '../source.ts'\nimport { b } from './b.ts'`),
        file('src/sources/registry.ts', `import { b } from './http/http.ts'`),
        file('src/core/a.ts', `import { b } from './b.ts'\n/** import { c } from '../store/c.ts' */`),
      ]),
    ).toEqual([])
    expect(law.openingProblems([file('src/net/net.ts', opening)])).toEqual([])
  })
})

test('a function of 71 lines is refused by the linter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-tidy-'))
  const lint = (lines: number): number | null => {
    const path = join(folder, 'long.ts')
    writeFileSync(path, `export function long(): number {\n${'  Math.random()\n'.repeat(lines - 3)}  return 1\n}\n`)
    return spawnSync(
      process.execPath,
      [join(root, 'node_modules/oxlint/bin/oxlint'), '--config', join(root, '.oxlintrc.json'), path],
      { encoding: 'utf8' },
    ).status
  }
  try {
    expect(lint(70)).toBe(0)
    expect(lint(71)).toBe(1)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the table of rooms has no room that it does not know', () => {
  const named = Object.values(ROOMS).flatMap((room) => [...room.uses, ...(room.knows ?? [])])
  expect(named.filter((name) => ROOMS[name] === undefined)).toEqual([])
})
