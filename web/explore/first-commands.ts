export interface FirstCommand {
  name: string
  note: string
  text: string
}

/** One line each, ready to be pasted, for this very server. */
export function firstCommands(origin: string, isOpen: boolean): FirstCommand[] {
  const header = isOpen ? '' : `-H "authorization: Bearer $TAILRACE_KEY" `
  const event = JSON.stringify({ service: 'hello', level: 'info', message: 'it works' })
  return [
    {
      name: 'curl',
      note: 'Any program that speaks HTTP can send: JSON lines, JSON, or plain text.',
      text: `curl ${header}${origin}/api/v1/ingest -H 'content-type: application/json' -d '${event}'`,
    },
    {
      name: 'Sample traffic',
      note: 'A believable stream of a small shop, to look around with.',
      text: `tailrace demo --url ${origin}`,
    },
    {
      name: 'A file or a program',
      note: 'Every line becomes an event; JSON lines become events with fields.',
      text: `tail -F app.log | tailrace send --service app --url ${origin}`,
    },
  ]
}
