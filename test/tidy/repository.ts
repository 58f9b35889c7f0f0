import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

/** A file of the repository: its path with forward slashes from the root, and its text. */
export interface SourceFile {
  path: string
  text: string
}

/** What git ignores or what no person wrote. */
const SKIPPED_FOLDERS = new Set(['.git', 'node_modules', 'dist', 'tailrace-data', 'results'])
const TEXT_NAME = /(?:\.(?:ts|tsx|mjs|js|json|md|ya?ml|peggy|css|html|txt|query)|^\.[a-z]+rc(?:\.json)?|^run|^LICENSE)$/

/** Every text file that people wrote, read. Generated files and data are left out. */
export function readRepository(root: string): SourceFile[] {
  return walk(root).map((path) => ({
    path: relative(root, path).split(sep).join('/'),
    text: readFileSync(path, 'utf8'),
  }))
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? [] : walk(path)
    const isWanted = TEXT_NAME.test(entry.name) && !entry.name.includes('.generated.')
    return isWanted && statSync(path).isFile() ? [path] : []
  })
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/') || path.startsWith('test/')
}

/** TypeScript that ends up in the program. */
export function isProgram(file: SourceFile): boolean {
  return /^(?:src\/.*\.ts|web\/.*\.tsx?)$/.test(file.path) && !isTest(file.path)
}

/** The room that a file of the program belongs to: a folder of `src/`, or the page. */
export function roomOf(path: string): string {
  const [top = '', below = ''] = path.split('/')
  return top === 'src' ? below : top
}
