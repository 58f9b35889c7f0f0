import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PageFiles } from '../api/page.ts'
import { readPage } from './page-files.ts'

/** What the package that this file is in says and brings along. */
export function readPackage(): { version: string; page: PageFiles } {
  // This file may be the source or the built one.
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return { version, page: readPage(join(folder, 'dist/web')) }
}
