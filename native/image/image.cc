#include "image.h"

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../convert.h"
#include "../error.h"
#include "kernels/kernels.h"
#include "prepare.h"
#include "resample.h"

namespace napi_torch {
namespace {

using image::Box;
using image::Filter;
using image::Isa;
using image::Kernels;
using image::Preparation;
using image::Raster;
using image::Resizing;

constexpr std::pair<const char*, Filter> kFilters[] = {
    {"nearest", Filter::kNearest}, {"box", Filter::kBox},         {"bilinear", Filter::kBilinear},
    {"hamming", Filter::kHamming}, {"bicubic", Filter::kBicubic}, {"lanczos", Filter::kLanczos},
};

// Does `work` on a pool thread. Input and output are memory of JavaScript that the worker keeps alive.
template <typename Work>
class ImageWorker : public Napi::AsyncWorker {
 public:
  ImageWorker(Napi::Env env, Napi::Object input, Napi::Object output, Work work)
      : Napi::AsyncWorker(env, "napi-torch.image"),
        deferred_(Napi::Promise::Deferred::New(env)),
        input_(Napi::Persistent(input)),
        output_(Napi::Persistent(output)),
        work_(std::move(work)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override { work_(); }

  void OnOK() override { deferred_.Resolve(output_.Value()); }

  // The tables and the image between the passes are all that can fail.
  void OnError(const Napi::Error&) override {
    deferred_.Reject(TorchError(Env(), "TORCH_OUT_OF_MEMORY", "The system refused the memory for a resize").Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference input_;
  Napi::ObjectReference output_;
  Work work_;
};

// Gives the promise of `output`, which `work` fills.
template <typename Work>
Napi::Promise QueueWork(Napi::Env env, Napi::Object input, Napi::Object output, Work work) {
  auto worker = std::make_unique<ImageWorker<Work>>(env, input, output, std::move(work));
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  worker.release();  // NOLINT(bugprone-unused-return-value): a queued worker deletes itself.
  return promise;
}

Filter ReadFilter(const Arguments& args, size_t index) {
  const std::string name = args.String(index, "filter");
  for (const auto& [known, filter] : kFilters) {
    if (name == known) return filter;
  }
  throw Expected(args.Env(), "a resampling filter", "filter");
}

// `most` numbers, or fewer.
std::vector<float> ReadFloats(Napi::Value value, uint32_t most, const char* what, const char* name) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() > most) throw Expected(value.Env(), what, name);
  const auto array = value.As<Napi::Array>();
  std::vector<float> numbers;
  for (uint32_t i = 0; i < array.Length() && i < most; ++i) {
    const Napi::Value number = array.Get(i);
    if (!number.IsNumber()) throw Expected(value.Env(), what, name);
    numbers.push_back(number.As<Napi::Number>().FloatValue());
  }
  return numbers;
}

Box ReadBox(Napi::Value value) {
  const std::vector<float> edges = ReadFloats(value, 4, "an array of four numbers", "box");
  if (edges.size() != 4) throw Expected(value.Env(), "an array of four numbers", "box");
  return {edges[0], edges[1], edges[2], edges[3]};
}

// One number for each channel of an image, or one for all.
std::array<float, 3> ReadPerChannel(Napi::Value value, int64_t channels, const char* name) {
  const std::vector<float> numbers = ReadFloats(value, 3, "one number, or one for each channel", name);
  if (numbers.empty() || (numbers.size() != 1 && numbers.size() != static_cast<size_t>(channels))) {
    throw Expected(value.Env(), "one number, or one for each channel", name);
  }
  if (numbers.size() == 3) return {numbers[0], numbers[1], numbers[2]};
  return {numbers[0], numbers[0], numbers[0]};
}

// The kernels of that name, or the best ones.
const Kernels& ReadKernels(const Arguments& args, Napi::Value value, size_t index) {
  if (value.IsNull() || value.IsUndefined()) return image::BestKernels();
  const std::string name = args.String(index, "kernels");
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kPortable}) {
    const Kernels* const kernels = image::KernelsOf(isa);
    if (kernels != nullptr && kernels->name == name) return *kernels;
  }
  throw Expected(args.Env(), "kernels that this processor can run", "kernels");
}

// Arguments 0 to 3, without the pixels: sizes first, as reading others could run JavaScript that takes the memory away.
Raster ReadSizes(const Arguments& args) {
  return {nullptr, args.Integer(1, "height"), args.Integer(2, "width"), args.Integer(3, "channels")};
}

const uint8_t* ReadPixels(const Arguments& args, const Raster& source) {
  const Bytes pixels = args.Bytes(0, "pixels");
  if (pixels.length != static_cast<size_t>(source.height * source.width * source.channels)) {
    throw Expected(args.Env(), "height * width * channels bytes", "pixels");
  }
  return pixels.data;
}

// resize(pixels, height, width, channels, outHeight, outWidth, filter, box, kernels): Promise<Uint8Array>
Napi::Value Resize(const Napi::CallbackInfo& info) {
  const Arguments args(info, "resize");
  Raster source = ReadSizes(args);
  Resizing resizing;
  resizing.height = args.Integer(4, "outHeight");
  resizing.width = args.Integer(5, "outWidth");
  resizing.filter = ReadFilter(args, 6);
  resizing.box = ReadBox(info[7]);
  const Kernels& kernels = ReadKernels(args, info[8], 8);
  if (const char* const fault = ResampleFault(source, resizing)) throw Expected(args.Env(), fault, "resize");

  const int64_t length = resizing.height * resizing.width * source.channels;
  auto output = Napi::Uint8Array::New(args.Env(), static_cast<size_t>(length));
  source.pixels = ReadPixels(args, source);
  const auto work = [source, resizing, &kernels, out = output.Data()] {
    Resample(source, resizing, {0, resizing.height}, {0, resizing.width}, kernels, out);
  };
  return QueueWork(args.Env(), info[0].As<Napi::Object>(), output, work);
}

// prepareImage(pixels, height, width, channels, resized, filter, corner, crop, grayscale, outChannels, mean, std,
// kernels,
//              output, offset): Promise<Float32Array>
Napi::Value PrepareImage(const Napi::CallbackInfo& info) {
  const Arguments args(info, "prepareImage");
  Raster source = ReadSizes(args);
  const std::array<int64_t, 2> resized = args.Pair(4, "resized");
  const Filter filter = ReadFilter(args, 5);
  const std::array<int64_t, 2> corner = args.Pair(6, "corner");
  const std::array<int64_t, 2> crop = args.Pair(7, "crop");
  Preparation preparation;
  const Box box{0, 0, static_cast<float>(source.width), static_cast<float>(source.height)};
  preparation.resizing = {resized[0], resized[1], filter, box};
  preparation.top = corner[0];
  preparation.left = corner[1];
  preparation.height = crop[0];
  preparation.width = crop[1];
  preparation.grayscale = args.Boolean(8, "grayscale");
  preparation.channels = args.Integer(9, "outChannels");
  preparation.mean = ReadPerChannel(info[10], preparation.channels, "mean");
  preparation.std = ReadPerChannel(info[11], preparation.channels, "std");
  const Kernels& kernels = ReadKernels(args, info[12], 12);
  const int64_t offset = args.Integer(14, "offset");
  if (const char* const fault = PrepareFault(source, preparation)) throw Expected(args.Env(), fault, "prepareImage");

  const int64_t length = preparation.channels * preparation.height * preparation.width;
  const Bytes output = args.Bytes(13, "output");
  if (!info[13].IsTypedArray() || info[13].As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    throw Expected(args.Env(), "a Float32Array", "output");
  }
  if (offset < 0 || offset + length > static_cast<int64_t>(output.length / sizeof(float))) {
    throw Expected(args.Env(), "an offset from which on the result fits into the output", "offset");
  }
  source.pixels = ReadPixels(args, source);
  float* const out = reinterpret_cast<float*>(output.data) + offset;
  const auto work = [source, preparation, &kernels, out] { Prepare(source, preparation, kernels, out); };
  return QueueWork(args.Env(), info[0].As<Napi::Object>(), info[13].As<Napi::Object>(), work);
}

}  // namespace

void InitImage(Napi::Env env, Napi::Object exports) {
  Export<Resize>(env, exports, "resize");
  Export<PrepareImage>(env, exports, "prepareImage");
}

}  // namespace napi_torch
