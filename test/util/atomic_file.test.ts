import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { writeAtomically } from '../../lib/util/atomic_file.js'
import { useTemporaryFolder } from '../support/folder.js'
import { skip } from '../support/skip.js'

describe('writeAtomically()', () => {
  const folder = useTemporaryFolder()
  const path = (): string => join(folder(), 'file')

  it('writes the pieces in order, small and large ones', async () => {
    const large = Buffer.alloc(3 << 20, 'b')

    await writeAtomically(path(), async (sink) => {
      for (const piece of [Buffer.from('a'), large, Buffer.from('c')]) await sink(piece)
    })

    assert.ok(readFileSync(path()).equals(Buffer.concat([Buffer.from('a'), large, Buffer.from('c')])))
    assert.deepEqual(readdirSync(folder()), ['file'])
  })

  it('leaves the old file and nothing else when the writer fails', async () => {
    writeFileSync(path(), 'old')

    await assert.rejects(
      writeAtomically(path(), async (sink) => {
        await sink(Buffer.from('new'))
        throw new Error('writer failed')
      }),
      { message: 'writer failed' },
    )

    assert.deepEqual([readFileSync(path(), 'utf8'), readdirSync(folder())], ['old', ['file']])
  })

  it('leaves the old file when the signal is aborted', async () => {
    writeFileSync(path(), 'old')
    const controller = new AbortController()

    const writing = writeAtomically(
      path(),
      async (sink) => {
        controller.abort(new Error('stopped'))
        await sink(Buffer.from('new'))
      },
      controller.signal,
    )

    await assert.rejects(writing, { message: 'stopped' })
    assert.deepEqual([readFileSync(path(), 'utf8'), readdirSync(folder())], ['old', ['file']])
  })

  it('says in words why the system refused', async () => {
    const missing = join(folder(), 'none', 'file')

    await assert.rejects(
      writeAtomically(missing, (sink) => sink(Buffer.from('x'))),
      {
        code: 'TORCH_FILE',
        path: missing,
        message: `${missing}: No such file`,
      },
    )
  })

  describe('through links', () => {
    it('replaces the file at the end of a chain of links, and leaves the links', async () => {
      mkdirSync(join(folder(), 'a'))
      writeFileSync(join(folder(), 'a', 'target'), 'old')
      symlinkSync('a/target', join(folder(), 'second'))
      symlinkSync('second', path())

      await writeText(path(), 'new')

      assert.equal(readFileSync(join(folder(), 'a', 'target'), 'utf8'), 'new')
      assert.deepEqual([readlinkSync(path()), readlinkSync(join(folder(), 'second'))], ['second', 'a/target'])
      assert.deepEqual(readdirSync(join(folder(), 'a')), ['target'])
    })

    it('makes the file that a link names and that is not there', async () => {
      mkdirSync(join(folder(), 'deep', 'er'), { recursive: true })
      symlinkSync('deep/er', join(folder(), 'short'))
      // Seen from deep/er, where the link really lies.
      symlinkSync('../target', join(folder(), 'deep', 'er', 'link'))

      await writeText(join(folder(), 'short', 'link'), 'new')

      assert.equal(readFileSync(join(folder(), 'deep', 'target'), 'utf8'), 'new')
      assert.equal(readlinkSync(join(folder(), 'deep', 'er', 'link')), '../target')
    })

    it('replaces a file on another file system', async function () {
      if (!existsSync('/dev/shm')) skip(this, 'there is no /dev/shm')
      const elsewhere = mkdtempSync('/dev/shm/napi-torch-test-')
      try {
        writeFileSync(join(elsewhere, 'target'), 'old')
        symlinkSync(join(elsewhere, 'target'), path())

        await writeText(path(), 'new')

        assert.equal(readFileSync(join(elsewhere, 'target'), 'utf8'), 'new')
        assert.deepEqual([lstatSync(path()).isSymbolicLink(), readdirSync(elsewhere)], [true, ['target']])
      } finally {
        rmSync(elsewhere, { recursive: true })
      }
    })

    it('refuses links that lead to each other', async () => {
      symlinkSync('other', path())
      symlinkSync('file', join(folder(), 'other'))

      await assert.rejects(writeText(path(), 'new'), {
        code: 'TORCH_FILE',
        message: `${path()}: Too many links lead to each other`,
      })
    })
  })

  describe('mode and owner', () => {
    for (const mode of [0o600, 0o640, 0o664, 0o777]) {
      it(`keeps ${mode.toString(8)}`, async () => {
        writeFileSync(path(), 'old')
        chmodSync(path(), mode)

        await writeText(path(), 'new')

        assert.deepEqual([readFileSync(path(), 'utf8'), statSync(path()).mode & 0o7777], ['new', mode])
      })
    }

    it('gives a new file the mode that the umask leaves', async () => {
      const before = process.umask(0o027)
      try {
        await writeText(path(), 'new')
      } finally {
        process.umask(before)
      }

      assert.equal(statSync(path()).mode & 0o7777, 0o640)
    })

    it('keeps user and group, and the group of a folder with setgid', async function () {
      if (process.getuid?.() !== 0) skip(this, 'only root can give files away')
      writeFileSync(path(), 'old')
      chownSync(path(), 1234, 2345)
      chownSync(folder(), 0, 3456)
      chmodSync(folder(), 0o2777)

      await writeText(path(), 'new')
      await writeText(join(folder(), 'another'), 'new')

      const [kept, made] = [statSync(path()), statSync(join(folder(), 'another'))]
      assert.deepEqual([kept.uid, kept.gid, made.gid], [1234, 2345, 3456])
    })

    it('refuses a file that may not be written', async function () {
      writeFileSync(path(), 'old')
      chmodSync(path(), 0o444)
      chmodSync(folder(), 0o777)

      await asNobody(this, async () => {
        await assert.rejects(writeText(path(), 'new'), {
          code: 'TORCH_FILE',
          message: `${path()}: Permission denied`,
        })
      })

      assert.deepEqual([readFileSync(path(), 'utf8'), readdirSync(folder())], ['old', ['file']])
    })
  })

  describe('where a file cannot be replaced', () => {
    for (const [what, folderMode, fileMode] of [
      ['the folder takes no new file', 0o755, 0o666],
      ['its owner cannot be kept', 0o777, 0o666],
      ['it is in a sticky folder of others', 0o1777, 0o666],
    ] as const) {
      it(`writes over its contents and warns: ${what}`, async function () {
        writeFileSync(path(), 'old and longer')
        chmodSync(path(), fileMode)
        chmodSync(folder(), folderMode)
        linkSync(path(), join(folder(), 'same'))
        const { ino, uid } = statSync(path())

        const warnings = await asNobody(this, () => warningsDuring(() => writeText(path(), 'new')))

        assert.equal(readFileSync(join(folder(), 'same'), 'utf8'), 'new')
        assert.deepEqual([statSync(path()).ino, statSync(path()).uid], [ino, uid])
        assert.deepEqual(readdirSync(folder()).sort(), ['file', 'same'])
        assert.deepEqual(warnings, [
          `${path()}: The contents were written over the old ones, as the file could not be replaced: Permission denied`,
        ])
      })
    }

    it('leaves the old contents when the writer fails', async function () {
      writeFileSync(path(), 'old')
      chmodSync(path(), 0o666)
      chmodSync(folder(), 0o755)

      await asNobody(this, async () => {
        await assert.rejects(
          writeAtomically(path(), async (sink) => {
            await sink(Buffer.from('new'))
            throw new Error('writer failed')
          }),
          { message: 'writer failed' },
        )
      })

      assert.equal(readFileSync(path(), 'utf8'), 'old')
    })
  })

  describe('what is no file', () => {
    it('writes to a pipe, which stays one', async function () {
      if (spawnSync('mkfifo', [path()]).status !== 0) skip(this, 'there is no mkfifo')
      const read = readFile(path(), 'utf8')

      await writeText(path(), 'new')

      assert.equal(await read, 'new')
      assert.ok(lstatSync(path()).isFIFO())
    })

    for (const [name, minor, outcome] of [
      ['null', 3, null],
      ['full', 7, 'No space is left on the device'],
    ] as const) {
      it(`writes to a device like /dev/${name}, which stays one`, async function () {
        // A device of its own: as root, a mistake would replace that of the machine.
        if (spawnSync('mknod', [path(), 'c', '1', String(minor)], { stdio: 'ignore' }).status !== 0) {
          skip(this, 'only root can make devices')
        }

        if (outcome === null) await writeText(path(), 'new')
        else await assert.rejects(writeText(path(), 'new'), { message: `${path()}: ${outcome}` })

        assert.ok(lstatSync(path()).isCharacterDevice())
        assert.deepEqual(readdirSync(folder()), ['file'])
      })
    }

    it('refuses a block device', async function () {
      // Of a number that no driver has.
      if (spawnSync('mknod', [path(), 'b', '241', '7'], { stdio: 'ignore' }).status !== 0) {
        skip(this, 'only root can make devices')
      }

      await assert.rejects(writeText(path(), 'new'), { message: `${path()}: Is a block device, expected a file` })

      assert.ok(lstatSync(path()).isBlockDevice())
    })

    it('refuses a folder', async () => {
      mkdirSync(path())

      await assert.rejects(writeText(path(), 'new'), { message: `${path()}: Is a directory, expected a file` })

      assert.deepEqual(readdirSync(folder()), ['file'])
    })

    it('writes through /dev/stdout into a pipe', function () {
      if (!existsSync('/dev/stdout')) skip(this, 'there is no /dev/stdout')
      const module = new URL('../../lib/util/atomic_file.ts', import.meta.url).href
      const program = `import(${JSON.stringify(module)}).then(({ writeAtomically }) =>
        writeAtomically('/dev/stdout', (sink) => sink(Buffer.from('new'))))`
      // The pipes of Node.js are sockets: a shell makes real ones.
      const command = '"$0" --conditions=napi-torch-source --import tsx --eval "$1" | cat'

      const received = execFileSync('sh', ['-c', command, process.execPath, program], { encoding: 'utf8' })

      assert.equal(received, 'new')
    })
  })
})

function writeText(path: string, text: string): Promise<void> {
  return writeAtomically(path, (sink) => sink(Buffer.from(text)))
}

/** Calls `body` with the rights of a user who owns nothing. */
async function asNobody<T>(context: Mocha.Context, body: () => Promise<T>): Promise<T> {
  const { geteuid, seteuid } = process
  if (seteuid === undefined || geteuid?.() !== 0) skip(context, 'only root can become another user')
  seteuid(65534)
  try {
    return await body()
  } finally {
    seteuid(0)
  }
}

async function warningsDuring(body: () => Promise<void>): Promise<string[]> {
  const warnings: string[] = []
  const note = ({ name, message }: Error): void => {
    if (name === 'NapiTorchWarning') warnings.push(message)
  }
  process.on('warning', note)
  try {
    await body()
    // They are told in the next turn.
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('warning', note)
  }
  return warnings
}
