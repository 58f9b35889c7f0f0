import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import type { PageFile, PageFiles } from '../api/page.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The built page, whole in memory: a few hundred KiB. Empty where there is no such folder. */
export function readPage(folder: string): PageFiles {
  if (!existsSync(folder)) return new Map()
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  return new Map(
    paths.flatMap((path): [string, PageFile][] => {
      const type = TYPES[extname(path)]
      if (type === undefined) return []
      return [[relative(folder, path).split(sep).join('/'), readPageFile(path, type)]]
    }),
  )
}

function readPageFile(path: string, type: string): PageFile {
  const content = readFileSync(path)
  const compressed = (ending: string): Buffer => (existsSync(path + ending) ? readFileSync(path + ending) : content)
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
  return { type, etag, identity: content, gzip: compressed('.gz'), br: compressed('.br') }
}
