// Checked by the compiler alone: what is to compile, and what is not.
import {
  arange,
  cat,
  cuda,
  DTYPES,
  empty,
  fromArray,
  full,
  Generator,
  keep,
  memory,
  ones,
  onesLike,
  rand,
  randint,
  randn,
  scope,
  stack,
  tensor,
  Tensor,
  zeros,
  zerosLike,
  type Device,
  type DType,
  type DTypeOfData,
  type ItemOf,
  type NestedArray,
  type TensorData,
  type TypedArrayOf,
} from 'napi-torch'

// Each is assignable to the other, and neither is `any`.
type Equal<A, B> = 0 extends 1 & A ? false : [A, B] extends [B, A] ? true : false

function expectType<Expected>() {
  return <Actual>(_value: Actual, ..._equal: Equal<Actual, Expected> extends true ? [] : [never]): void => undefined
}

// What toArray() and item() give follows from the dtype.
expectType<Float32Array>()(zeros([1]).toArray())
expectType<Float64Array>()(zeros([1], { dtype: 'float64' }).toArray())
expectType<Uint16Array>()(zeros([1], { dtype: 'float16' }).toArray())
expectType<Uint16Array>()(zeros([1], { dtype: 'bfloat16' }).toArray())
expectType<Int8Array>()(zeros([1], { dtype: 'int8' }).toArray())
expectType<Int16Array>()(zeros([1], { dtype: 'int16' }).toArray())
expectType<Int32Array>()(zeros([1], { dtype: 'int32' }).toArray())
expectType<BigInt64Array>()(zeros([1], { dtype: 'int64' }).toArray())
expectType<Uint8Array>()(zeros([1], { dtype: 'uint8' }).toArray())
expectType<Uint8Array>()(zeros([1], { dtype: 'bool' }).toArray())
expectType<number>()(zeros([1]).item())
expectType<bigint>()(zeros([1], { dtype: 'int64' }).item())
expectType<boolean>()(zeros([1], { dtype: 'bool' }).item())
expectType<NestedArray<bigint>>()(zeros([1], { dtype: 'int64' }).tolist())
expectType<Float32Array>()(zeros([1], { dtype: 'int64' }).toFloat32Array())

// Of a dtype that is not known everything is possible.
declare const unknownTensor: Tensor
expectType<TypedArrayOf<DType>>()(unknownTensor.toArray())
expectType<number | bigint | boolean>()(unknownTensor.item())
expectType<DType>()(unknownTensor.dtype)

// tensor() takes the dtype from the data, unless it is told one.
expectType<Tensor<'float32'>>()(tensor(1))
expectType<Tensor<'float32'>>()(tensor([1, 2]))
expectType<Tensor<'float32'>>()(tensor([]))
expectType<Tensor<'float32'>>()(tensor([[], []]))
expectType<Tensor<'float32'>>()(tensor([[1], [2]]))
expectType<Tensor<'float32'>>()(tensor([[[[1]]]]))
expectType<Tensor<'int64'>>()(tensor(1n))
expectType<Tensor<'int64'>>()(tensor([[1n], [2n]]))
expectType<Tensor<'bool'>>()(tensor(true))
expectType<Tensor<'bool'>>()(tensor([[true, false]]))
expectType<Tensor<'float32'>>()(tensor(new Float32Array(1)))
expectType<Tensor<'float64'>>()(tensor(new Float64Array(1)))
expectType<Tensor<'int8'>>()(tensor(new Int8Array(1)))
expectType<Tensor<'int16'>>()(tensor(new Int16Array(1)))
expectType<Tensor<'int32'>>()(tensor(new Int32Array(1)))
expectType<Tensor<'int64'>>()(tensor(new BigInt64Array(1)))
expectType<Tensor<'uint8'>>()(tensor(new Uint8Array(1)))
expectType<Tensor<'uint8'>>()(tensor(new Uint8ClampedArray(1)))
expectType<Tensor<'uint8'>>()(tensor(Buffer.alloc(1)))
expectType<Tensor<'bfloat16'>>()(tensor([1, 2], { dtype: 'bfloat16' }))
expectType<Tensor<'float16'>>()(tensor(new Uint16Array(1), { dtype: 'float16', shape: [1], device: 'cpu' }))
expectType<Tensor<'float32'>>()(tensor([1, 2], { shape: [2, 1] }))
expectType<Tensor<'float32'>>()(tensor([1, 2], { dtype: undefined }))
expectType<Tensor<'float32' | 'bool'>>()(tensor([1, true]))
declare const numbers: number[][]
expectType<Tensor<'float32'>>()(tensor(numbers))
declare const anyData: TensorData
expectType<Tensor>()(tensor(anyData))
expectType<'float32' | 'int64'>()({} as DTypeOfData<number[] | bigint>)
tensor(zeros([2]).tolist())
// @ts-expect-error A string is no data.
tensor('1')
// @ts-expect-error Nor are objects.
tensor([{}])
// @ts-expect-error Nor is an array of typed arrays.
tensor([new Float32Array(1)])
// @ts-expect-error Uint32Array has no dtype.
tensor(new Uint32Array(1))
// @ts-expect-error An option is misspelled.
tensor([1], { dtpye: 'int8' })
// @ts-expect-error PyTorch's other names of dtypes are not ours.
tensor([1], { dtype: 'float' })
// @ts-expect-error There is no such device.
tensor([1], { device: 'gpu' })

// fromArray() takes the array of its dtype.
expectType<Tensor<'float32'>>()(fromArray(new Float32Array(1), [1]))
expectType<Tensor<'uint8'>>()(fromArray(Buffer.alloc(1), [1]))
expectType<Tensor<'bfloat16'>>()(fromArray(new Uint16Array(1), [1], { dtype: 'bfloat16' }))
expectType<Tensor<'bool'>>()(fromArray(new Uint8Array(1), [1], { dtype: 'bool' }))
expectType<Tensor<'float32'>>()(fromArray(new Float32Array(new SharedArrayBuffer(4)), [1]))
// @ts-expect-error The shape is missing.
fromArray(new Float32Array(1))
// @ts-expect-error Numbers have no memory to share.
fromArray([1], [1])
// @ts-expect-error A Float32Array does not hold int32.
fromArray(new Float32Array(1), [1], { dtype: 'int32' })

// Creation: float32 unless told, int64 for randint().
expectType<Tensor<'float32'>>()(empty([1]))
expectType<Tensor<'int8'>>()(ones([1], { dtype: 'int8', device: 'cuda:0' }))
expectType<Tensor<'float32'>>()(full([1], 1n))
expectType<Tensor<'bool'>>()(full([1], true, { dtype: 'bool' }))
expectType<Tensor<'int64'>>()(randint(0, 2, [1]))
expectType<Tensor<'uint8'>>()(randint(0, 2, [1], { dtype: 'uint8', generator: new Generator({ seed: 1n }) }))
expectType<Tensor<'float64'>>()(randn([1], { dtype: 'float64' }))
expectType<Tensor<'float32'>>()(arange(3))
expectType<Tensor<'int64'>>()(arange(0, 3, { dtype: 'int64', step: 2 }))
expectType<Tensor<'int64'>>()(arange(3, { dtype: 'int64' }))
expectType<Tensor<'int16'>>()(zerosLike(zeros([1], { dtype: 'int16' })))
expectType<Tensor<'int16'>>()(onesLike(zeros([1], { dtype: 'int16' })))
expectType<Tensor>()(cat([zeros([1]), ones([1], { dtype: 'int8' })], { dim: 0 }))
expectType<Tensor>()(stack([zeros([1])]))
// Sizes may stand one after the other, as in Python.
expectType<Tensor<'float32'>>()(zeros(2, 3))
expectType<Tensor<'int8'>>()(ones(2, 3, { dtype: 'int8' }))
expectType<Tensor<'float64'>>()(randn(1, { dtype: 'float64', generator: new Generator() }))
expectType<Tensor<'int64'>>()(randint(5, [2]))
expectType<Tensor<'int64'>>()(arange(0, 6, 2, { dtype: 'int64' }))
expectType<Tensor>()(cat([zeros([1])], 0))
// @ts-expect-error Sizes are needed.
zeros()
// @ts-expect-error The dtype stands in the options.
zeros(2, 3, 'float64')
// @ts-expect-error As does everything beside dim.
cat([zeros([1])], 0, { dim: 0 })
// @ts-expect-error Sizes are numbers.
zeros(['2'])
// @ts-expect-error A typed array may be a shape in no way.
zeros(new Int32Array(2))
// @ts-expect-error randn() draws floats: an option of its own is unknown.
randn([1], { seed: 1 })
// @ts-expect-error A plain object is no generator.
rand([1], { generator: {} })

// Options may be forwarded as they are, undefined included.
declare const device: Device | undefined
declare const dtype: 'int8' | undefined
expectType<Tensor<'int8'>>()(zeros([1], { dtype, device }))
expectType<Tensor<'float32'>>()(zeros([1]).sum({ dim: undefined, keepdim: undefined, dtype: 'float32' }))

// Views keep the dtype, conversions change it.
const bytes = zeros([2, 3], { dtype: 'uint8' })
expectType<Tensor<'uint8'>>()(bytes.view([3, 2]).transpose(0, 1).select(0, 0).unsqueeze(0).clone())
expectType<Tensor<'uint8'>[]>()(bytes.split(1))
expectType<Tensor<'float16'>>()(bytes.to('float16'))
expectType<Tensor<'uint8'>>()(bytes.to('cuda'))
expectType<Tensor<'uint8'>>()(bytes.to({ device: 'cuda:1', memoryFormat: 'channels_last' }))
expectType<Tensor<'int64'>>()(bytes.to({ dtype: 'int64' }))
expectType<Tensor<'float32'>>()(bytes.float())
expectType<Tensor<'float16'>>()(bytes.half())
expectType<Tensor<'uint8'>>()(bytes.cpu())
// @ts-expect-error Neither a dtype nor a device.
bytes.to('float')
// @ts-expect-error There is no such layout.
bytes.contiguous({ memoryFormat: 'nhwc' })
expectType<Tensor<'uint8'>>()(bytes.view(3, -1).permute(1, 0).reshape(6).expand(2, 6).flip(0, 1).squeeze({ dim: 0 }))
expectType<Tensor<'uint8'>[]>()(bytes.split([1, 1], 0))
expectType<Tensor<'uint8'>[]>()(bytes.chunk(2, { dim: 1 }))
expectType<readonly number[]>()(bytes.size())
expectType<number>()(bytes.size(0))
// @ts-expect-error A dtype beside a device stands in the options.
bytes.to('cpu', 'float16')
// @ts-expect-error Sizes are numbers.
bytes.view(3, '2')

// Arithmetic promotes, so its dtype is open; comparison gives bool; in-place operations give the tensor.
expectType<Tensor>()(bytes.add(1.5))
expectType<Tensor>()(bytes.mul(bytes).div(2, { roundingMode: 'floor' }))
expectType<Tensor>()(bytes.add(1n))
expectType<Tensor<'bool'>>()(bytes.eq(3))
expectType<Tensor<'bool'>>()(bytes.isnan())
expectType<boolean>()(bytes.equal(bytes))
expectType<Tensor<'uint8'>>()(bytes.add_(1).zero_().fill_(true))
expectType<Tensor<'int64'>>()(bytes.argmax({ dim: 0 }))
expectType<Tensor<'uint8'>>()(bytes.max())
expectType<{ values: Tensor<'uint8'>; indices: Tensor<'int64'> }>()(bytes.topk(1))
expectType<Tensor<'float32'>>()(zeros([1]).softmax(0))
expectType<Tensor<'float64'>>()(bytes.softmax(0, { dtype: 'float64' }))
expectType<Tensor<'int64'>>()(bytes.argmax(0, { keepdim: true }))
expectType<Tensor<'float32'>>()(bytes.sum([0, 1], { keepdim: true, dtype: 'float32' }))
bytes.clamp(0, 1).topk(1, 0, { largest: false })
// @ts-expect-error keepdim stands in the options.
bytes.sum(0, true)
// @ts-expect-error The dimension is given once.
bytes.sum(0, { dim: 1 })
expectType<{ values: Tensor<'uint8'>; indices: Tensor<'int64'> }>()(bytes.max(0))
expectType<Tensor<'uint8'>>()(bytes.max({ dim: 0 }))
// @ts-expect-error A string is no operand.
bytes.add('1')
// @ts-expect-error An option is misspelled.
bytes.add(1, { aplha: 2 })
// @ts-expect-error There is no such rounding.
bytes.div(2, { roundingMode: 'ceil' })
// @ts-expect-error Softmax needs a dimension.
bytes.softmax()
// @ts-expect-error A copy needs a tensor.
bytes.copy_([1])

// A tensor of one dtype is none of another, but always a Tensor.
export const open: Tensor = bytes
// @ts-expect-error uint8 is not float32.
export const floats: Tensor<'float32'> = bytes

// Facts cannot be set.
// @ts-expect-error The shape is read-only.
bytes.shape = [6]
// @ts-expect-error So are its sizes.
bytes.shape[0] = 6
// @ts-expect-error The dtype is read-only.
bytes.dtype = 'uint8'

// Scopes give back the type of their result.
expectType<Tensor<'float32'>>()(scope(() => zeros([1])))
expectType<Promise<number>>()(scope(() => Promise.resolve(1)))
expectType<{ a: Tensor<'float32'> }>()(keep({ a: zeros([1]) }))
// @ts-expect-error The body takes no arguments.
scope((made: Tensor) => made)

// Tensors work in `using`.
{
  using made = zeros([1])
  expectType<Tensor<'float32'>>()(made)
}

expectType<{ readonly tensors: number; readonly bytes: number }>()(memory())
expectType<number>()(cuda.memoryAllocated())
expectType<
  readonly ['float32', 'float64', 'float16', 'bfloat16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'bool']
>()(DTYPES)
declare const item: ItemOf<'int64'>
expectType<bigint>()(item)
// @ts-expect-error Tensors are made by functions.
new Tensor([1, 2])
