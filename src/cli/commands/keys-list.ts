import { escapeJson } from '../../core/escape.ts'
import { defineCommand, EXIT_OK } from '../command.ts'
import { KEYS_FLAGS, openKeysDoor } from '../keys/door.ts'
import { formatKeys } from '../keys/table.ts'

export const command = defineCommand(
  {
    name: 'keys list',
    summary: 'Show the keys there are, and what each may do',
    notes: [
      'Valid keys first. When a key was last used is known since the server started, and not with --data. The text of a ' +
        'key is never shown again.',
    ],
    examples: [
      ['tailrace keys list', 'Over the API, with an admin key'],
      ['tailrace keys list --data ./tailrace-data', "In the data folder, on the server's machine"],
      ['tailrace keys list --format json | jq -r .keys[].name', 'For a program'],
    ],
  },
  {
    format: { type: 'enum', options: ['pretty', 'json'], default: 'pretty', description: 'How it is printed' },
    ...KEYS_FLAGS,
  },
  async (args, terminal) => {
    const { out, err } = terminal
    const door = await openKeysDoor(args, terminal)
    try {
      const keys = await door.list()
      if (args.format === 'json') {
        const json = `${JSON.stringify({ keys }, undefined, 2)}\n`
        await out.write(out.isTerminal ? escapeJson(json) : json)
      } else if (keys.length > 0) await out.write(formatKeys(keys, Date.now(), out))
      else await err.write('There are no keys: whoever is on the machine of the server may do everything.\n')
      return EXIT_OK
    } finally {
      await door.close()
    }
  },
)
