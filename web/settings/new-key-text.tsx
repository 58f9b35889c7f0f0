import type { KeyInfo } from '../api/keys.ts'
import { Button } from '../parts/button.tsx'
import { usePage } from '../shell/page.ts'

/** The text of a key that was made just now. Nobody is ever told it again. */
export function NewKeyText({ made, onClose }: { made: { key: string; info: KeyInfo }; onClose: () => void }) {
  const { toasts } = usePage()
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(made.key)
      toasts.say('The key is in the clipboard.')
    } catch {
      toasts.complain('The browser did not let the page copy: select the key and copy it.')
    }
  }
  return (
    <div class="form" role="status">
      <p>
        This is the key{made.info.name === '' ? '' : ` “${made.info.name}”`}. <strong>It is shown this once</strong>:
        copy it now. Programs take it from the variable <code>TAILRACE_KEY</code>.
      </p>
      <div class="secret">
        <code>{made.key}</code>
        <Button icon="copy" onClick={() => void copy()}>
          Copy
        </Button>
        <Button kind="quiet" onClick={onClose}>
          I have it
        </Button>
      </div>
    </div>
  )
}
