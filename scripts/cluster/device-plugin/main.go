// A device plugin for tests, where NVIDIA's cannot be had. It offers the GPUs of the variable GPUS (UUIDs, separated by commas) to the
// kubelet, and answers a request with the names that the installer's CDI specification has for them, as NVIDIA's does with the
// strategy cdi-annotations. Like NVIDIA's, it fails if the driver root contains no library of the driver.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"google.golang.org/grpc"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	resource = "nvidia.com/gpu"
	kind     = "k8s.device-plugin.nvidia.com/gpu"
	strategy = "cdi-annotations"
	socket   = "device-plugin-of-tests.sock"
	library  = "lib64/libcuda.so.1"
)

type plugin struct{ devices []*api.Device }

func (p *plugin) ListAndWatch(_ *api.Empty, stream api.DevicePlugin_ListAndWatchServer) error {
	if err := stream.Send(&api.ListAndWatchResponse{Devices: p.devices}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func (p *plugin) Allocate(_ context.Context, request *api.AllocateRequest) (*api.AllocateResponse, error) {
	response := &api.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		var names []string
		for _, id := range container.DevicesIDs {
			names = append(names, kind+"="+id)
		}
		key := "cdi.k8s.io/nvidia-device-plugin_" + strings.Join(container.DevicesIDs, "_")
		annotations := map[string]string{key: strings.Join(names, ",")}
		response.ContainerResponses = append(response.ContainerResponses, &api.ContainerAllocateResponse{Annotations: annotations})
	}
	return response, nil
}

func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

func (p *plugin) GetPreferredAllocation(context.Context, *api.PreferredAllocationRequest) (*api.PreferredAllocationResponse, error) {
	return &api.PreferredAllocationResponse{}, nil
}

func (p *plugin) PreStartContainer(context.Context, *api.PreStartContainerRequest) (*api.PreStartContainerResponse, error) {
	return &api.PreStartContainerResponse{}, nil
}

func register() error {
	connection, err := grpc.Dial("unix://"+api.KubeletSocket, grpc.WithInsecure(), grpc.WithBlock())
	if err != nil {
		return err
	}
	defer connection.Close()
	request := &api.RegisterRequest{Version: api.Version, Endpoint: socket, ResourceName: resource}
	_, err = api.NewRegistrationClient(connection).Register(context.Background(), request)
	return err
}

func run() error {
	if found := os.Getenv("DEVICE_LIST_STRATEGY"); found != strategy {
		return fmt.Errorf("DEVICE_LIST_STRATEGY is %q, not %q", found, strategy)
	}
	if _, err := os.Stat(filepath.Join(os.Getenv("DRIVER_ROOT_CTR_PATH"), library)); err != nil {
		return err
	}
	path := filepath.Join(api.DevicePluginPath, socket)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	found := &plugin{}
	for _, id := range strings.Split(os.Getenv("GPUS"), ",") {
		found.devices = append(found.devices, &api.Device{ID: id, Health: api.Healthy})
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, found)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		server.Stop()
	}()
	if err := register(); err != nil {
		return err
	}
	return server.Serve(listener)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
