import type { KeyInfo } from '../api/keys.ts'
import { Button } from '../parts/button.tsx'
import { copyText } from '../parts/copy.ts'
import { usePage } from '../shell/page.ts'

/** The text of a key that was made just now. Nobody is ever told it again. */
export function NewKeyText({ made, onClose }: { made: { key: string; info: KeyInfo }; onClose: () => void }) {
  const { toasts } = usePage()
  return (
    <div class="form" role="status">
      <p>
        This is the key{made.info.name === '' ? '' : ` “${made.info.name}”`}. <strong>It is shown this once</strong>:
        copy it now. Programs take it from the variable <code>TAILRACE_KEY</code>.
      </p>
      <div class="secret">
        <code>{made.key}</code>
        <Button icon="copy" onClick={() => void copyText(made.key, toasts, 'The key is in the clipboard.')}>
          Copy
        </Button>
        <Button kind="quiet" onClick={onClose}>
          I have it
        </Button>
      </div>
    </div>
  )
}
