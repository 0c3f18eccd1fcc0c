#include "jobs.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace napi_torch::engine {

MeasureJob::MeasureJob(std::shared_ptr<Plan> plan, int64_t runs) : plan_(std::move(plan)), runs_(runs) {}

bool MeasureJob::Advance(const Resources& resources, const Interrupt& interrupt) {
  if (done_ == 0) {
    input_ = at::zeros({static_cast<int64_t>(plan_->input_bytes())}, at::kByte);
    output_ = at::empty({static_cast<int64_t>(plan_->output_bytes())}, at::kByte);
    nanoseconds_.resize(static_cast<size_t>(runs_) * plan_->operations());
  }
  const RunMemory memory{input_.const_data_ptr(), output_.mutable_data_ptr()};
  int64_t* const times = nanoseconds_.data() + static_cast<size_t>(done_) * plan_->operations();
  was_canceled = !plan_->Run(resources, memory, interrupt, times);
  return !was_canceled && ++done_ < runs_;
}

std::vector<double> MeasureJob::Medians() const {
  const size_t count = plan_->operations();
  std::vector<double> medians(count);
  for (size_t index = 0; index < count; ++index) {
    std::vector<int64_t> times;
    for (size_t at = index; at < nanoseconds_.size(); at += count) times.push_back(nanoseconds_[at]);
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    medians[index] = static_cast<double>(*middle);
  }
  return medians;
}

}  // namespace napi_torch::engine
