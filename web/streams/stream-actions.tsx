import { useState } from 'preact/hooks'
import { asProblem } from '../api/client.ts'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { copyText } from '../parts/copy.ts'
import { usePage } from '../shell/page.ts'
import type { ListedStream } from './stream.ts'

export interface StreamActionsProps {
  stream: ListedStream
  isAdmin: boolean
  onChanged: () => void
}

/** A link that needs no key; and, for admins, the end of the stream. */
export function StreamActions({ stream: { name, url }, isAdmin, onChanged }: StreamActionsProps) {
  const { client, toasts } = usePage()
  const [isSure, setSure] = useState(false)
  const attempt = async (run: () => Promise<void>): Promise<void> => {
    try {
      await run()
    } catch (error) {
      toasts.complain(asProblem(error).message)
    }
  }
  const share = (): Promise<void> =>
    attempt(async () => {
      const link = await client.send<{ url: string; expires: string }>('POST', `${url}/share`, {})
      onChanged()
      await copyText(link.url, toasts, `A link for everybody is in the clipboard, until ${link.expires.slice(0, 10)}.`)
    })
  const remove = (): Promise<void> =>
    attempt(async () => {
      setSure(false)
      await client.send('DELETE', url)
      toasts.say(`“${name}” is removed.`)
      onChanged()
    })
  return (
    <div class="row">
      <Button isSmall icon="link" label={`Copy a link to ${name}`} onClick={() => void share()} />
      {isAdmin && <Button isSmall icon="close" label={`Remove ${name}`} onClick={() => setSure(true)} />}
      {isSure && (
        <Confirm
          title={`Remove “${name}”?`}
          action="Remove the stream"
          onConfirm={() => void remove()}
          onClose={() => setSure(false)}
        >
          <p>Its bytes and its links are gone for good. Its lines stay as events.</p>
        </Confirm>
      )}
    </div>
  )
}
