import assert from 'node:assert/strict'

import { BUILDERS, createModel, detectArchitecture, init, scope, type ModelName } from 'napi-torch'

type Facts = readonly (readonly [key: string, shape: readonly number[]])[]
type Options = Readonly<Record<string, unknown>>

/** Keys and shapes of a model. */
function factsOf(name: ModelName, options: Options = {}): Facts {
  return scope(() => {
    const model = init.skipInit(() => BUILDERS[name](options))
    const facts = Array.from(model.stateDict(), ([key, { shape }]) => [key, shape] as const)
    model.dispose()
    return facts
  })
}

function renamed(facts: Facts, rename: (key: string) => string): Facts {
  return facts.map(([key, shape]) => [rename(key), shape] as const)
}

/** Replaces the beginnings and parts of a key, one after the other. */
function replaced(key: string, names: readonly (readonly [ours: string | RegExp, theirs: string])[]): string {
  return names.reduce((text, [ours, theirs]) => text.replace(ours, theirs), key)
}

/** The name that timm has for a tensor of a Vision Transformer. */
function timmName(key: string): string {
  return replaced(key, [
    ['class_token', 'cls_token'],
    ['encoder.pos_embedding', 'pos_embed'],
    ['conv_proj', 'patch_embed.proj'],
    ['encoder.layers.encoder_layer_', 'blocks.'],
    ['ln_1', 'norm1'],
    ['ln_2', 'norm2'],
    ['self_attention.in_proj_', 'attn.qkv.'],
    ['self_attention.out_proj', 'attn.proj'],
    ['mlp.0', 'mlp.fc1'],
    ['mlp.3', 'mlp.fc2'],
    ['encoder.ln', 'norm'],
    ['heads.head', 'head'],
  ])
}

/** The name that transformers has for one, its projections joined. */
function transformersName(key: string): string {
  return replaced(key, [
    ['class_token', 'vit.embeddings.cls_token'],
    ['encoder.pos_embedding', 'vit.embeddings.position_embeddings'],
    ['conv_proj', 'vit.embeddings.patch_embeddings.projection'],
    ['encoder.layers.encoder_layer_', 'vit.encoder.layer.'],
    ['ln_1', 'layernorm_before'],
    ['ln_2', 'layernorm_after'],
    ['self_attention.in_proj_', 'attention.attention.in_proj_'],
    ['self_attention.out_proj', 'attention.output.dense'],
    ['mlp.0', 'intermediate.dense'],
    ['mlp.3', 'output.dense'],
    [/^encoder\.ln/, 'vit.layernorm'],
    ['heads.head', 'classifier'],
  ])
}

describe('findNamed()', function () {
  this.timeout(60_000)

  for (const name of Object.keys(BUILDERS) as ModelName[]) {
    it(`recognizes ${name} of 1,000 and of 7 classes`, () => {
      const [published, finetuned] = [factsOf(name), factsOf(name, { numClasses: 7 })]

      const found = [published, finetuned].map((facts) => detectArchitecture(facts))

      const told = found.map((architecture) => [architecture.name, architecture.numClasses])
      assert.deepEqual(told, [[name, 1000], [name, 7]]) // prettier-ignore
    })
  }

  it('tells channels, element type and prefix', () =>
    scope(() => {
      const model = createModel('mobilenet_v3_small', { inputChannels: 1, numClasses: 3, skipInit: true }).half()
      const state = new Map(Array.from(model.stateDict(), ([key, tensor]) => [`net.module.${key}`, tensor] as const))

      const found = detectArchitecture(state)

      assert.deepEqual(found, {
        family: 'torchvision',
        name: 'mobilenet_v3_small',
        numClasses: 3,
        inputChannels: 1,
        prefix: 'net.module.',
        dtype: 'float16',
        options: {},
      })
    }))

  it('tells the size of the images of a Vision Transformer', () => {
    const found = detectArchitecture(factsOf('vit_b_32', { imageSize: 384 }))

    assert.deepEqual(found.family === 'torchvision' && found.options, { imageSize: 384 })
  })

  it('tells whether an Inception has heads in the middle', () => {
    const found = [true, false].map((auxLogits) => detectArchitecture(factsOf('googlenet', { auxLogits })))

    const options = found.map((architecture) => architecture.family === 'torchvision' && architecture.options)
    assert.deepEqual(options, [
      { auxLogits: true, transformInput: true },
      { auxLogits: false, transformInput: true },
    ])
  })

  it('leaves out heads in the middle of another number of classes', () => {
    const other = new Map(factsOf('inception_v3', { numClasses: 5 }))
    const facts = factsOf('inception_v3').map(([key, shape]) => {
      return [key, key.startsWith('fc.') ? (other.get(key) ?? shape) : shape] as const
    })

    const found = detectArchitecture(facts)

    assert.ok(found.family === 'torchvision')
    assert.deepEqual([found.numClasses, found.options.auxLogits], [5, false])
  })

  const wrapped: readonly (readonly [string, (key: string) => string])[] = [
    ['module.', (key) => `module.${key}`],
    ['_orig_mod.', (key) => `_orig_mod.${key}`],
    ['model.', (key) => `model.${key}`],
    ['module. and _orig_mod.', (key) => `module._orig_mod.${key}`],
    ['_orig_mod within', (key) => key.replace('features.', 'features._orig_mod.')],
  ]
  for (const [what, wrap] of wrapped) {
    it(`recognizes a model behind ${what}`, () => {
      assert.equal(detectArchitecture(renamed(factsOf('mobilenet_v2'), wrap)).name, 'mobilenet_v2')
    })
  }

  it('recognizes a DenseNet under the names of torchvision 0.2', () => {
    const old = renamed(factsOf('densenet121'), (key) => key.replace(/(norm|conv)([12])\./, '$1.$2.'))

    assert.ok(old.some(([key]) => key === 'features.denseblock1.denselayer1.norm.1.weight'))
    assert.equal(detectArchitecture(old).name, 'densenet121')
  })

  it('recognizes a Vision Transformer under the names of torchvision 0.12', () => {
    const names = { 'mlp.0.': 'mlp.linear_1.', 'mlp.3.': 'mlp.linear_2.' }
    const old = renamed(factsOf('vit_b_32'), (key) =>
      key.replace(/mlp\.[03]\./, (name) => names[name as keyof typeof names]),
    )

    assert.ok(old.some(([key]) => key.includes('mlp.linear_2.bias')))
    assert.equal(detectArchitecture(old).name, 'vit_b_32')
  })

  const libraries: readonly (readonly [library: string, rename: (key: string) => string])[] = [
    ['timm', timmName],
    ['transformers', transformersName],
    ['timm, wrapped', (key) => `module.timm_model.${timmName(key)}`],
    ['transformers, wrapped', (key) => `module.model.${transformersName(key)}`],
  ]
  for (const [library, rename] of libraries) {
    it(`recognizes a Vision Transformer under the names of ${library}`, () => {
      const found = detectArchitecture(renamed(factsOf('vit_b_32', { imageSize: 64, numClasses: 5 }), rename))

      assert.ok(found.family === 'torchvision')
      assert.deepEqual([found.name, found.numClasses, found.options.imageSize], ['vit_b_32', 5, 64])
    })
  }

  it('recognizes a model without counters of batches, as PyTorch wrote it before 0.4.1', () => {
    const facts = factsOf('vgg11_bn').filter(([key]) => !key.endsWith('num_batches_tracked'))

    assert.equal(detectArchitecture(facts).name, 'vgg11_bn')
  })

  it('lists several models with the option to pass', () => {
    const facts = [
      ...renamed(factsOf('squeezenet1_1'), (key) => `student.${key}`),
      ...renamed(factsOf('resnet18'), (key) => `teacher.${key}`),
    ]

    assert.throws(() => detectArchitecture(facts), {
      code: 'TORCH_ARCHITECTURE',
      message: `Holds 2 networks: pass { prefix: 'teacher.' } or { prefix: 'student.' }`,
    })
    const names = ['student.', 'teacher.'].map((prefix) => detectArchitecture(facts, { prefix }).name)
    assert.deepEqual(names, ['squeezenet1_1', 'resnet18'])
    assert.throws(() => detectArchitecture(facts, { prefix: 'other.' }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: `Expected { prefix: 'teacher.' } or { prefix: 'student.' } for prefix, received "other."`,
    })
  })

  describe('refusals', () => {
    const refused: readonly (readonly [string, () => Facts, string])[] = [
      [
        'lacks a tensor',
        () => factsOf('densenet121').filter(([key]) => key !== 'features.norm5.bias'),
        'it is like densenet121, but lacks features.norm5.bias (726 tensors: features.conv0.weight, features.norm0.weight, features.norm0.bias, features.norm0.running_mean, …)',
      ],
      [
        'has a tensor of another shape',
        () => factsOf('alexnet').map(([key, shape]) => [key, key === 'features.3.weight' ? [192, 64, 3, 3] : shape]),
        'it is like alexnet, but has features.3.weight of (192, 64, 3, 3), not (192, 64, 5, 5) (16 tensors: features.0.weight, features.0.bias, features.3.weight, features.3.bias, …)',
      ],
      [
        'has more than the model within its modules',
        () => [...factsOf('squeezenet1_0'), ['features.3.se.weight', [16, 1]], ['features.4.se.weight', [16, 1]]],
        'it is like squeezenet1_0, but has 2 keys that it lacks: features.3.se.weight, features.4.se.weight (54 tensors: features.0.weight, features.0.bias, features.3.squeeze.weight, features.3.squeeze.bias, …)',
      ],
      [
        'has another head',
        () => [...factsOf('mobilenet_v2').filter(([key]) => !key.startsWith('classifier')), ['head.weight', [2, 1280]]],
        'it is like mobilenet_v2, but lacks classifier.1.weight (313 tensors: features.0.0.weight, features.0.1.weight, features.0.1.bias, features.0.1.running_mean, …)',
      ],
      [
        'has positions of no square image',
        () => factsOf('vit_b_32').map(([key, shape]) => [key, key === 'encoder.pos_embedding' ? [1, 49, 768] : shape]),
        'it is like vit_b_32, but has 49 positions, which are not those of a square image and one more (152 tensors: class_token, conv_proj.weight, conv_proj.bias, encoder.pos_embedding, …)',
      ],
    ]
    for (const [what, facts, reason] of refused) {
      it(`refuses what ${what}, and names the model that it is like`, () => {
        assert.throws(() => detectArchitecture(facts()), {
          code: 'TORCH_ARCHITECTURE',
          message: `No known model: ${reason}`,
        })
      })
    }

    for (const [what, key] of [
      ['a normalization before its blocks', 'norm_pre.weight'],
      ['a scale of its layers', 'blocks.3.ls1.gamma'],
      ['normalized queries', 'blocks.0.attn.q_norm.weight'],
    ] as const) {
      it(`refuses a Vision Transformer of timm with ${what}`, () => {
        const facts: Facts = [...renamed(factsOf('vit_b_32'), timmName), [key, [768]]]

        const message = `No known model: it is like vit_b_32, but has 1 key that it lacks: ${key} (153 tensors: cls_token, `
        assert.throws(
          () => detectArchitecture(facts),
          (error: Error & { code?: string }) => {
            return error.code === 'TORCH_ARCHITECTURE' && error.message.startsWith(message)
          },
        )
      })
    }

    it('names no model where less than half of its tensors are there', () => {
      const facts = factsOf('vgg11').slice(0, 6)

      assert.throws(() => detectArchitecture(facts), {
        code: 'TORCH_ARCHITECTURE',
        message: /^No known model: it has no residual blocks/,
      })
    })

    it('looks for models at 64 places, and not further', () => {
      const crowd = Array.from({ length: 5000 }, (_, index): [string, number[]] => [
        `n${index}.features.0.0.weight`,
        [1],
      ])

      const facts = [...crowd, ...renamed(factsOf('mobilenet_v2'), (key) => `net.${key}`)]

      assert.throws(() => detectArchitecture(facts), { code: 'TORCH_ARCHITECTURE' })
      assert.equal(detectArchitecture(facts, { prefix: 'net.' }).name, 'mobilenet_v2')
    })
  })
})
