import { builtinModules } from 'node:module'
import { importsOf, type Import } from './imports.ts'
import { isProgram, isTest, roomOf, type SourceFile } from './repository.ts'

interface Room {
  /** Rooms it may use. */
  uses: readonly string[]
  /** Rooms of which it may know the types only: the values are given to it. */
  knows?: readonly string[]
  /** npm packages it may import. `*` means any. */
  packages: readonly string[]
  /** Whether it may import Node's modules for files, sockets and processes. */
  hasIo: boolean
  /** It runs in a browser: no module of Node exists there. */
  isBrowser?: boolean
}

/** Who may import whom. ARCHITECTURE.md explains it; this is the table that counts. */
export const ROOMS: Readonly<Record<string, Room>> = {
  core: { uses: [], packages: [], hasIo: false },
  wire: { uses: ['core'], packages: ['@bufbuild/protobuf', '@msgpack/msgpack'], hasIo: false },
  net: { uses: ['core'], packages: ['fastify', '@fastify/*', '@peculiar/x509', 'ffi-rs'], hasIo: true },
  streams: { uses: ['core'], packages: [], hasIo: true },
  'stream-page': { uses: [], packages: [], hasIo: false },
  sources: {
    uses: ['core', 'wire', 'net', 'streams'],
    packages: ['fastify', 'typebox', '@fastify/type-provider-typebox'],
    hasIo: true,
  },
  pipeline: { uses: ['core'], packages: [], hasIo: false },
  spool: { uses: ['core'], packages: [], hasIo: true },
  store: { uses: ['core'], packages: ['@clickhouse/client', 'chdb', 'ffi-rs'], hasIo: true },
  live: { uses: ['core'], packages: [], hasIo: false },
  query: { uses: ['core'], packages: ['re2js'], hasIo: false },
  access: { uses: ['core'], packages: [], hasIo: true },
  saved: { uses: ['core'], packages: ['typebox'], hasIo: true },
  memory: { uses: ['core', 'query'], knows: ['api', 'live', 'spool', 'store'], packages: [], hasIo: false },
  api: {
    uses: ['core', 'query'],
    knows: ['store', 'spool', 'live', 'access', 'saved'],
    packages: ['fastify', '@fastify/*', 'typebox'],
    hasIo: false,
  },
  client: { uses: ['core', 'wire'], packages: [], hasIo: true },
  app: {
    uses: [
      'core',
      'wire',
      'net',
      'streams',
      'sources',
      'pipeline',
      'spool',
      'store',
      'live',
      'memory',
      'query',
      'access',
      'saved',
      'api',
      'client',
    ],
    packages: ['*'],
    hasIo: true,
  },
  web: {
    uses: ['core', 'query'],
    knows: ['api'],
    packages: ['preact', '@preact/signals', 'uplot', '@tanstack/virtual-core'],
    hasIo: false,
    isBrowser: true,
  },
  cli: { uses: ['app', 'client', 'core'], packages: ['citty', 'picocolors', 're2js'], hasIo: true },
}

/** Node's modules that reach outside the process. */
const IO_MODULES = new Set(
  ['fs', 'fs/promises', 'net', 'http', 'https', 'http2', 'dgram', 'tls', 'dns', 'dns/promises', 'child_process']
    .filter((name) => builtinModules.includes(name))
    .map((name) => `node:${name}`),
)

/** Everything in the program that imports what its room may not. One sentence each. */
export function roomProblems(files: readonly SourceFile[]): string[] {
  return files.filter(isProgram).flatMap((file) => importsOf(file).flatMap((found) => importProblem(file, found)))
}

function importProblem(file: SourceFile, found: Import): string[] {
  const roomName = roomOf(file.path)
  const room = ROOMS[roomName]
  if (!room) return [`${file.path}: ${roomName} is not in the table of rooms`]
  const says = (why: string): string[] => [`${file.path} imports ${found.specifier}: ${why}`]

  if (found.target === undefined) {
    if (found.specifier.startsWith('node:')) {
      if (room.isBrowser) return says(`${roomName} runs in a browser`)
      const isAllowed = room.hasIo || found.isType || !IO_MODULES.has(found.specifier)
      return isAllowed ? [] : says(`${roomName} does no IO`)
    }
    return isPackageAllowed(room, found.specifier) ? [] : says(`${roomName} may not use this package`)
  }
  if (isTest(found.target)) return says('the program does not import tests')
  const targetRoom = roomOf(found.target)
  if (!/^(?:src|web)\//.test(found.target)) {
    return found.target === 'package.json' ? [] : says('this is outside the program')
  }
  if (targetRoom === roomName) return roomName === 'sources' ? sourceProblem(file, found, says) : []
  if (room.uses.includes(targetRoom)) return []
  if (room.knows?.includes(targetRoom)) {
    return found.isType ? [] : says(`${roomName} may import only types of ${targetRoom}`)
  }
  return says(`${roomName} must not know ${targetRoom}`)
}

function isPackageAllowed(room: Room, specifier: string): boolean {
  const parts = specifier.split('/')
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
  return room.packages.some((allowed) =>
    allowed.endsWith('*') ? name.startsWith(allowed.slice(0, -1)) : name === allowed,
  )
}

/** One protocol knows nothing of the others: only the registry knows them all. */
function sourceProblem(file: SourceFile, found: Import, says: (why: string) => string[]): string[] {
  const own = file.path.split('/').slice(2, -1)[0]
  const other = found.target?.split('/').slice(2, -1)[0]
  if (own === undefined || other === undefined || own === other) return []
  return says(`source ${own} must not know source ${other}`)
}
