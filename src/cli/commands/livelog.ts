import { defineCommand, EXIT_OK } from '../command.ts'
import { programVersion } from '../version.ts'

export const command = defineCommand(
  {
    name: 'livelog',
    summary: 'Take one log by PUT and show it to many while it grows: instead of livelog',
    notes: [
      'Everything is set by variables: ACCESS_TOKEN (what follows /log/), LIVELOG_PUT_PORT [60022], LIVELOG_GET_PORT ' +
        '[60023], SERVER_CRT_FILE and SERVER_KEY_FILE (TLS for GET), LIVELOG_TEMP_DIR, DEBUG.',
      'Beyond the original: LIVELOG_PUT_HOST [127.0.0.1], LIVELOG_GET_HOST [all addresses], LIVELOG_GET_WAIT [10s], ' +
        'how long a GET waits for the first PUT before it is answered 404, and LIVELOG_SLOW_READERS [disk, or drop].',
      'Exit codes: 64 to 67 for a port that is none, 1 when a port or the certificate cannot be had.',
    ],
    examples: [
      ['ACCESS_TOKEN=secret tailrace livelog', 'PUT http://localhost:60022/log, GET http://…:60023/log/secret'],
      ['make 2>&1 | curl -T - http://localhost:60022/log', 'Writes the log'],
    ],
  },
  {
    version: { type: 'boolean', description: 'The version, after the name' },
    'short-version': { type: 'boolean', description: 'The version' },
  },
  async (args, { out, err, env }) => {
    if (args['short-version'] === true) {
      await out.write(`${programVersion()}\n`)
      return EXIT_OK
    }
    if (args.version === true) {
      await out.write(`livelog (tailrace) ${programVersion()}\n`)
      return EXIT_OK
    }
    const { runLivelog } = await import('../../app/livelog.ts')
    return runLivelog(env, (text) => void err.write(`${text}\n`))
  },
)
