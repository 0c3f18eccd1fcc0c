/** `ustar`, where a tar header has it. */
const MAGIC = /^[^]{257}ustar/

/** The first of the four files that torch.save of PyTorch 0.1 put into a tar archive. */
const FIRST_FILE = 'sys_info\0'

/** Bytes of a tar header, which is what {@link describeTar} needs. */
export const TAR_HEADER_BYTES = 512

/**
 * Says what a tar archive is and what to do with it, given its first bytes; undefined for other files.
 *
 * PyTorch 0.1 wrote such archives until March 2017. Python still reads them, though not in its restricted mode.
 */
export function describeTar(head: Uint8Array): string | undefined {
  const text = Buffer.from(head).toString('latin1')
  if (!MAGIC.test(text)) return undefined
  if (!text.startsWith(FIRST_FILE)) return 'Is a tar archive; if it contains a checkpoint, unpack it first'
  const advice = `if you trust it, convert it in Python: torch.save(torch.load('file', weights_only=False), 'new.pth')`
  return `Is in the tar format of PyTorch 0.1, which is not read; ${advice}`
}
