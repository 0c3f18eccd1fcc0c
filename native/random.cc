#include "random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/normal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/random.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/uniform.h>

#include <mutex>
#include <utility>

#include "convert.h"
#include "error.h"
#include "handle.h"
#include "wrapped.h"

namespace napi_torch {
namespace {

// Made as the tag of tensors is: see handle.cc.
const napi_type_tag kGeneratorTag = {0xc41d7b9e60f24a83, reinterpret_cast<uint64_t>(&kGeneratorTag)};

at::Generator& UnwrapGenerator(Napi::Value value) {
  return Unwrap<at::Generator>(value, kGeneratorTag, "a generator", "generator");
}

std::optional<at::Generator> OptionalGenerator(Napi::Value value) {
  if (value.IsNull() || value.IsUndefined()) return std::nullopt;
  return UnwrapGenerator(value);
}

// A generator for a device.
at::Generator NewGenerator(const at::Device& device) {
  at::Generator parent = at::globalContext().defaultGenerator(device);
  const std::lock_guard<std::mutex> lock(parent.mutex());  // Workers may be drawing from it.
  return parent.clone();
}

// createGenerator(device, seed?): Generator
Napi::Value CreateGenerator(const Napi::CallbackInfo& info) {
  const Arguments args(info, "createGenerator");
  const at::Device device = args.Device(0, "device");
  const uint64_t seed = info[1].IsNull() ? c10::default_rng_seed_val : args.Unsigned(1, "seed");

  at::Generator generator = NewGenerator(device);
  generator.set_current_seed(seed);
  return Wrap(info.Env(), std::move(generator), kGeneratorTag);
}

// generatorSeed_(generator, seed)
Napi::Value SeedGenerator(const Napi::CallbackInfo& info) {
  at::Generator& generator = UnwrapGenerator(info[0]);
  const uint64_t seed = Arguments(info, "generatorSeed_").Unsigned(1, "seed");

  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seed);
  return info.Env().Undefined();
}

Napi::Value InitialSeed(const Napi::CallbackInfo& info) {
  return Napi::BigInt::New(info.Env(), UnwrapGenerator(info[0]).current_seed());
}

// Calls `use` with the generator, or for null with the default one of the CPU, while no other thread draws from it.
template <class Use>
auto WithGenerator(Napi::Value value, Use use) {
  at::Generator generator =
      OptionalGenerator(value).value_or(at::globalContext().defaultGenerator(at::Device(at::kCPU)));
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return use(generator);
}

// generatorState(generator?): Tensor uint8 (n,) from which the sequence goes on.
Napi::Value GeneratorState(const Napi::CallbackInfo& info) {
  return WithGenerator(info[0], [&](const at::Generator& generator) -> Napi::Value {
    return WrapTensor(info.Env(), generator.get_state());
  });
}

// setGeneratorState(state, generator?)
Napi::Value SetGeneratorState(const Napi::CallbackInfo& info) {
  const at::Tensor state = Arguments(info, "setGeneratorState").Tensor(0, "state");
  if (!state.is_cpu() || state.scalar_type() != at::kByte || !state.is_contiguous()) {
    throw Expected(info.Env(), "a state that a generator gave", "state");
  }
  return WithGenerator(info[1], [&](at::Generator& generator) -> Napi::Value {
    generator.set_state(state);
    return info.Env().Undefined();
  });
}

// manualSeed(seed): seeds the default generators of all devices.
Napi::Value ManualSeed(const Napi::CallbackInfo& info) {
  at::manual_seed(Arguments(info, "manualSeed").Unsigned(0, "seed"));
  return info.Env().Undefined();
}

// rand(shape, dtype, device, generator?): Tensor
Napi::Value Rand(const Napi::CallbackInfo& info) {
  const Arguments args(info, "rand");
  const std::vector<int64_t> shape = args.Sizes(0, "shape");
  const at::ScalarType dtype = args.DType(1, "dtype");
  const at::Device device = args.Device(2, "device");
  const std::optional<at::Generator> generator = OptionalGenerator(info[3]);

  return WrapTensor(info.Env(), at::rand(shape, generator, at::TensorOptions(device).dtype(dtype)));
}

// randn(shape, dtype, device, generator?): Tensor
Napi::Value Randn(const Napi::CallbackInfo& info) {
  const Arguments args(info, "randn");
  const std::vector<int64_t> shape = args.Sizes(0, "shape");
  const at::ScalarType dtype = args.DType(1, "dtype");
  const at::Device device = args.Device(2, "device");
  const std::optional<at::Generator> generator = OptionalGenerator(info[3]);

  return WrapTensor(info.Env(), at::randn(shape, generator, at::TensorOptions(device).dtype(dtype)));
}

// randint(low, high, shape, dtype, device, generator?): Tensor
Napi::Value Randint(const Napi::CallbackInfo& info) {
  const Arguments args(info, "randint");
  const int64_t low = args.Integer(0, "low");
  const int64_t high = args.Integer(1, "high");
  const std::vector<int64_t> shape = args.Sizes(2, "shape");
  const at::ScalarType dtype = args.DType(3, "dtype");
  const at::Device device = args.Device(4, "device");
  const std::optional<at::Generator> generator = OptionalGenerator(info[5]);

  return WrapTensor(info.Env(), at::randint(low, high, shape, generator, at::TensorOptions(device).dtype(dtype)));
}

// uniform_(tensor, low, high, generator?)
Napi::Value Uniform(const Napi::CallbackInfo& info) {
  const Arguments args(info, "uniform_");
  at::Tensor tensor = args.Tensor(0, "tensor");
  const double low = args.Number(1, "low");
  const double high = args.Number(2, "high");

  tensor.uniform_(low, high, OptionalGenerator(info[3]));
  return info.Env().Undefined();
}

// normal_(tensor, mean, std, generator?)
Napi::Value Normal(const Napi::CallbackInfo& info) {
  const Arguments args(info, "normal_");
  at::Tensor tensor = args.Tensor(0, "tensor");
  const double mean = args.Number(1, "mean");
  const double std = args.Number(2, "std");

  tensor.normal_(mean, std, OptionalGenerator(info[3]));
  return info.Env().Undefined();
}

// random_(tensor, generator?): over the whole range of an integer dtype.
Napi::Value Random(const Napi::CallbackInfo& info) {
  at::Tensor tensor = Arguments(info, "random_").Tensor(0, "tensor");

  tensor.random_(OptionalGenerator(info[1]));
  return info.Env().Undefined();
}

// randperm(n, generator?): int64 Tensor
Napi::Value Randperm(const Napi::CallbackInfo& info) {
  const int64_t n = Arguments(info, "randperm").Integer(0, "n");

  return WrapTensor(info.Env(), at::randperm(n, OptionalGenerator(info[1]), at::TensorOptions(at::kLong)));
}

// multinomial(weights, count, replacement, generator?): int64 Tensor
Napi::Value Multinomial(const Napi::CallbackInfo& info) {
  const Arguments args(info, "multinomial");
  const at::Tensor weights = args.Tensor(0, "weights");
  const int64_t count = args.Integer(1, "count");
  const bool replacement = args.Boolean(2, "replacement");

  return WrapTensor(info.Env(), at::multinomial(weights, count, replacement, OptionalGenerator(info[3])));
}

// dropout(input, p): Tensor, always in training mode.
Napi::Value Dropout(const Napi::CallbackInfo& info) {
  const Arguments args(info, "dropout");
  const at::Tensor input = args.Tensor(0, "input");
  const double p = args.Number(1, "p");

  return WrapTensor(info.Env(), at::dropout(input, p, /*train=*/true));
}

// dropout_(input, p)
Napi::Value DropoutInPlace(const Napi::CallbackInfo& info) {
  const Arguments args(info, "dropout_");
  at::Tensor input = args.Tensor(0, "input");
  const double p = args.Number(1, "p");

  at::dropout_(input, p, /*train=*/true);
  return info.Env().Undefined();
}

}  // namespace

void InitRandom(Napi::Env env, Napi::Object exports) {
  Export<CreateGenerator>(env, exports, "createGenerator");
  Export<SeedGenerator>(env, exports, "generatorSeed_");
  Export<InitialSeed>(env, exports, "generatorInitialSeed");
  Export<GeneratorState>(env, exports, "generatorState");
  Export<SetGeneratorState>(env, exports, "setGeneratorState");
  Export<ManualSeed>(env, exports, "manualSeed");
  Export<Rand>(env, exports, "rand");
  Export<Randn>(env, exports, "randn");
  Export<Randint>(env, exports, "randint");
  Export<Uniform>(env, exports, "uniform_");
  Export<Normal>(env, exports, "normal_");
  Export<Random>(env, exports, "random_");
  Export<Randperm>(env, exports, "randperm");
  Export<Multinomial>(env, exports, "multinomial");
  Export<Dropout>(env, exports, "dropout");
  Export<DropoutInPlace>(env, exports, "dropout_");
}

}  // namespace napi_torch
