#include "image.h"

#include <array>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "../convert.h"
#include "../error.h"
#include "resample.h"

namespace napi_torch {
namespace {

constexpr std::pair<const char*, Filter> kFilters[] = {
    {"nearest", Filter::kNearest}, {"box", Filter::kBox},         {"bilinear", Filter::kBilinear},
    {"hamming", Filter::kHamming}, {"bicubic", Filter::kBicubic}, {"lanczos", Filter::kLanczos},
};

// Resamples on a pool thread. Input and output are memory of JavaScript that the worker keeps alive.
class ResizeWorker : public Napi::AsyncWorker {
 public:
  ResizeWorker(Napi::Env env, Napi::Object input, Napi::Object output, const Raster<const uint8_t>& source,
               const Raster<uint8_t>& target, Filter filter, const Box& box)
      : Napi::AsyncWorker(env, "napi-torch.resize"),
        deferred_(Napi::Promise::Deferred::New(env)),
        input_(Napi::Persistent(input)),
        output_(Napi::Persistent(output)),
        source_(source),
        target_(target),
        filter_(filter),
        box_(box) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override { Resample(source_, target_, filter_, box_); }

  void OnOK() override { deferred_.Resolve(output_.Value()); }

  // The tables and the image between the passes are all that can fail.
  void OnError(const Napi::Error&) override {
    deferred_.Reject(TorchError(Env(), "TORCH_OUT_OF_MEMORY", "The system refused the memory for a resize").Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference input_;
  Napi::ObjectReference output_;
  Raster<const uint8_t> source_;
  Raster<uint8_t> target_;
  Filter filter_;
  Box box_;
};

Filter ReadFilter(const Arguments& args, size_t index) {
  const std::string name = args.String(index, "filter");
  for (const auto& [known, filter] : kFilters) {
    if (name == known) return filter;
  }
  throw Expected(args.Env(), "a resampling filter", "filter");
}

Box ReadBox(Napi::Value value) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() != 4) {
    throw Expected(value.Env(), "an array of four numbers", "box");
  }
  std::array<float, 4> edges = {};
  for (uint32_t i = 0; i < edges.size(); ++i) {
    const Napi::Value edge = value.As<Napi::Array>().Get(i);
    if (!edge.IsNumber()) throw Expected(value.Env(), "an array of four numbers", "box");
    edges[i] = edge.As<Napi::Number>().FloatValue();
  }
  return {edges[0], edges[1], edges[2], edges[3]};
}

// resize(pixels, height, width, channels, outHeight, outWidth, filter, box): Promise<Uint8Array>
Napi::Value Resize(const Napi::CallbackInfo& info) {
  const Arguments args(info, "resize");
  const Bytes pixels = args.Bytes(0, "pixels");
  const int64_t height = args.Integer(1, "height");
  const int64_t width = args.Integer(2, "width");
  const int64_t channels = args.Integer(3, "channels");
  const int64_t out_height = args.Integer(4, "outHeight");
  const int64_t out_width = args.Integer(5, "outWidth");
  const Filter filter = ReadFilter(args, 6);
  const Box box = ReadBox(info[7]);

  const Raster<const uint8_t> source{pixels.data, height, width, channels};
  Raster<uint8_t> target{nullptr, out_height, out_width, channels};
  if (const char* const fault = ResampleFault(source, target, box)) throw Expected(args.Env(), fault, "resize");
  if (pixels.length != static_cast<size_t>(height * width * channels)) {
    throw Expected(args.Env(), "height * width * channels bytes", "pixels");
  }

  auto output = Napi::Uint8Array::New(args.Env(), static_cast<size_t>(out_height * out_width * channels));
  target.pixels = output.Data();
  const auto input = info[0].As<Napi::Object>();
  auto worker = std::make_unique<ResizeWorker>(args.Env(), input, output, source, target, filter, box);
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  worker.release();  // NOLINT(bugprone-unused-return-value): a queued worker deletes itself.
  return promise;
}

}  // namespace

void InitImage(Napi::Env env, Napi::Object exports) { Export<Resize>(env, exports, "resize"); }

}  // namespace napi_torch
