"""The tutorial "Introduction to Convolutional Neural Nets", slide by slide: python examples/tutorial.py"""

import gzip
import os
import sys
from pathlib import Path

if "--portable" in sys.argv:  # the same digits on every x86 processor
    os.environ |= {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1"}

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

def read_idx(name, header):
    return np.frombuffer(gzip.decompress(Path("data/mnist", name).read_bytes()), np.uint8, offset=header)

# ---- Convolutional Layers ----
picture = torch.tensor([[0, 0, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 1, 0]])
picture = picture.float().view(1, 1, 5, 5)
# The kernel is light on the right and dark on the left; training would learn it, and the bias
kernel = nn.Parameter(torch.tensor([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]).float().view(1, 1, 3, 3))
conv = nn.Conv2d(in_channels=1, out_channels=1, kernel_size=3)
conv.weight, conv.bias = kernel, nn.Parameter(torch.zeros(1))
print("convolution:", conv(picture).squeeze().tolist())

# ---- Convolutional Layers: Arguments ----
conv = nn.Conv2d(in_channels=1, out_channels=1, kernel_size=3, stride=2, padding=1)
conv.weight, conv.bias = kernel, nn.Parameter(torch.zeros(1))
print("with stride 2, padding 1:", conv(picture).squeeze().tolist())
conv = nn.Conv2d(in_channels=3, out_channels=8, kernel_size=(5, 3), stride=2, padding=1)
print("kernels:", list(conv.weight.shape), "output:", list(conv(torch.zeros(100, 3, 28, 28)).shape))

# ---- Pooling ----
picture = torch.tensor([[1, 3, 2, 2], [3, 9, 4, 5], [0, 4, 1, 1], [3, 0, 1, 1]]).float().view(1, 1, 4, 4)
max_pool = nn.MaxPool2d(kernel_size=2, stride=2)
avg_pool = nn.AvgPool2d(kernel_size=2, stride=2)
power_average_pool = nn.LPPool2d(norm_type=2, kernel_size=2, stride=2)
print("max:", max_pool(picture).squeeze().tolist())
print("mean:", avg_pool(picture).squeeze().tolist())
print("power-average:", power_average_pool(picture).squeeze().tolist())

# ---- Data Preparation: train_test_split ----
kaggle = Path("data/train.csv")
if Path("data/mnist").is_dir() and not kaggle.exists():
    features = read_idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    labels = read_idx("train-labels-idx1-ubyte.gz", 8)
else:
    train = pd.read_csv(kaggle if kaggle.exists() else "assets/digits.csv.gz")
    features, labels = train.drop(columns="label").values, train.label.values
X_train, X_cv, y_train, y_cv = train_test_split(features, labels, test_size=0.2, random_state=1212)
print(len(X_train), "images to train on,", len(X_cv), "to validate on", file=sys.stderr)

# ---- Data Preparation: dimensions ----
# One channel, 28x28 pixels
train_x = torch.from_numpy(X_train.reshape(-1, 1, 28, 28)).float()
y_train = torch.from_numpy(y_train).long()
X_cv = torch.from_numpy(X_cv.reshape(-1, 1, 28, 28)).float()
y_cv = torch.from_numpy(y_cv).long()
batch_size = 100
train_loader = DataLoader(TensorDataset(train_x, y_train), batch_size)
test_loader = DataLoader(TensorDataset(X_cv, y_cv), batch_size)

# ---- Model Definition: Initialization ----
class CNNModel(nn.Module):
    def __init__(self):
        super(CNNModel, self).__init__()
        # Convolution 1
        self.cnn1 = nn.Conv2d(in_channels=1, out_channels=16, kernel_size=3, stride=1, padding=0)
        self.relu1 = nn.ReLU()
        # Max pool 1
        self.maxpool1 = nn.MaxPool2d(kernel_size=2)
        # Convolution 2
        self.cnn2 = nn.Conv2d(in_channels=16, out_channels=32, kernel_size=3, stride=1, padding=0)
        self.relu2 = nn.ReLU()
        # Max pool 2
        self.maxpool2 = nn.MaxPool2d(kernel_size=2)
        # Fully connected 1
        self.fc1 = nn.Linear(32 * 5 * 5, 10)
    # ---- Model Definition: Forward() ----
    def forward(self, x):
        # Set 1
        out = self.cnn1(x)
        out = self.relu1(out)
        out = self.maxpool1(out)
        # Set 2
        out = self.cnn2(out)
        out = self.relu2(out)
        out = self.maxpool2(out)
        # Flatten
        out = out.view(out.size(0), -1)
        # Dense
        out = self.fc1(out)
        return out

# ---- Define Hyperparameters, Loss, Optimizers ----
# Definition of hyperparameters
n_iters = 2500
num_epochs = int(n_iters / (len(train_x) / batch_size))
# Cross Entropy Loss
error = nn.CrossEntropyLoss()
# SGD Optimizer
torch.manual_seed(0)
model = CNNModel()
learning_rate = 0.001
optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)

# ---- Model Training ----
count = 0
loss_list, iteration_list, accuracy_list = [], [], []
for epoch in range(num_epochs):
    for images, labels in train_loader:
        # Clear gradients
        optimizer.zero_grad()
        # Forward propagation
        outputs = model(images)
        # Calculate softmax and cross entropy loss
        loss = error(outputs, labels)
        # Calculating gradients
        loss.backward()
        # Update parameters
        optimizer.step()
        count += 1
        # ---- Model Training: Tracking progress ----
        if count % 50 == 0:
            # Calculate Accuracy
            correct, total = 0, 0
            # Iterate through test dataset
            for images, labels in test_loader:
                # Forward propagation
                outputs = model(images)
                # Get predictions from the maximum value
                predicted = torch.max(outputs.data, 1)[1]
                # Total number of labels
                total += len(labels)
                correct += (predicted == labels).sum()
            accuracy = 100 * correct / float(total)
            # store loss and iteration
            loss_list.append(loss.data)
            iteration_list.append(count)
            accuracy_list.append(accuracy)
        if count % 500 == 0:
            # Print Loss
            print("Iteration: {} Loss: {} Accuracy: {} %".format(count, loss.data, accuracy))

# ---- Plot your tracked quantities ----
# visualization loss
plt.plot(iteration_list, loss_list)
plt.xlabel("Number of iteration")
plt.ylabel("Loss")
plt.title("CNN: Loss vs Number of iteration")
plt.savefig("loss-python.png")
plt.close()
# visualization accuracy
plt.plot(iteration_list, accuracy_list, color="red")
plt.xlabel("Number of iteration")
plt.ylabel("Accuracy")
plt.title("CNN: Accuracy vs Number of iteration")
plt.savefig("accuracy-python.png")
